import { defineConfig } from 'vitest/config';

// One server for all test files; each test has a portal.
export default defineConfig({ test: { globalSetup: './docket.ts', pool: 'threads', testTimeout: 60_000 } });
