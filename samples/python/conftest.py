pytest_plugins = ["docket_testing"]
