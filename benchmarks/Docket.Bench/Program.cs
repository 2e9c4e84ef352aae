using Docket.Bench;

if (args.Contains("--help"))
{
    Console.WriteLine(Options.Usage);
    return 0;
}

SQLitePCL.Batteries_V2.Init();
try
{
    var options = Options.Parse(args);
    if (!File.Exists(options.Server))
    {
        throw new ArgumentException($"There is no server at {options.Server}. Run the script ./bench, which builds it, or name one with --server.");
    }

    if (options.Search)
    {
        using var search = new SearchRun(options);
        search.Go();
    }
    else if (options.Index)
    {
        new IndexRun(options).Go();
    }
    else if (options.Limits)
    {
        using var limits = new LimitsRun(options);
        limits.Go();
    }
    else if (options.Kit)
    {
        using var kit = new KitRun(options);
        kit.Go();
    }
    else
    {
        using var run = new Run(options);
        run.Go();
    }

    return 0;
}
catch (Exception exception) when (exception is WrongAnswer or ServerFailure)
{
    Console.Error.WriteLine("Stopped: " + exception.Message);
    return 1;
}
catch (ArgumentException exception)
{
    Console.Error.WriteLine(exception.Message);
    Console.Error.WriteLine(Options.Usage);
    return 2;
}
