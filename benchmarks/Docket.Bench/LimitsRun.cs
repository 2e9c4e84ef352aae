using System.Net.Http.Headers;
using System.Text;

namespace Docket.Bench;

/// <summary>
/// Measures what limits cost: one server, asked the same with limits and without in turns. They are set to numbers that are never
/// reached, so what is measured is the counting and the headers.
/// </summary>
internal sealed class LimitsRun : IDisposable
{
    /// <summary>Pairs of turns for each question, and how many of them there are for each second asked for. Many short ones: a noisy moment of the machine then meets few of them.</summary>
    const int Pairs = 60, TurnsASecond = 10;

    const double ExpectedCost = 0.02;

    /// <summary>As many as can be set, so that they are never reached; and none.</summary>
    const string On = """{"limits-burst":"1000000","limits-daily":"2147483647"}""", Off = """{"limits-burst":"off","limits-daily":"off"}""";

    readonly Options options;
    readonly string directory;
    readonly Report report = new(Console.Out);
    readonly ServerProcess server;
    readonly LoadClient load;
    readonly HttpClient http = new();
    readonly Table table;
    int seed;

    public LimitsRun(Options options)
    {
        this.options = options;
        directory = Path.Combine(options.Data, $"limits-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        server = new ServerProcess(options.Server, directory);
        load = new LoadClient(server, options.Connections);
        table = new Table(options.Sizes[0]);
        http.BaseAddress = new Uri($"http://{server.Address}");
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServerProcess.Token);
    }

    public void Go()
    {
        report.Print(Report.Machine(options));
        report.Print($"server: own process, {options.Connections} keep-alive connections over loopback; {options.Sizes[0]:N0} tickets; {Pairs} pairs of turns of {Turn:N1} s");
        var next = new Creates.Cursor(0);
        table.Count = (int)load.Run(_ => new Creates(table, next, options.Sizes[0]), Options.GrowSecondsMax).Tickets;

        report.Print($"\n{"",-28}{"off/s",10}{"on/s",10}{"on to off",11}{"middle half",16}{"off to off",12}{"middle half",16}{"CPU µs off",19}{"on",8}");
        Compare("read one by key", connection => new Reads(table, NewPicker(connection)));
        Compare("single upserts", connection => new Updates(table, NewPicker(connection), batchSize: 1));
        report.PrintExpectations();
    }

    public void Dispose()
    {
        http.Dispose();
        load.Dispose();
        server.Dispose();
        if (!options.Keep)
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    double Turn => options.Seconds / TurnsASecond;

    /// <summary>Off, on, off: the turn with limits is compared with the turns before and after it, and these with each other, which shows the noise.</summary>
    void Compare(string name, Func<int, Question> ask)
    {
        Limit(on: true);
        load.Run(ask, options.Seconds); // the runtime recompiles hot code in its first seconds
        List<Slice> off = [Limited(ask, on: false)], on = [];
        List<double> ratios = [], noise = [];
        for (var pair = 0; pair < Pairs; pair++)
        {
            on.Add(Limited(ask, on: true));
            off.Add(Limited(ask, on: false));
            ratios.Add(on[^1].Rate / ((off[^1].Rate + off[^2].Rate) / 2));
            noise.Add(off[^1].Rate / off[^2].Rate);
        }

        var (plain, limited) = (Report.Median(off), Report.Median(on));
        report.Print($"{name,-28}{plain.Rate,10:N0}{limited.Rate,10:N0}{Quantile(ratios, 0.5),11:N3}{Middle(ratios),16}{Quantile(noise, 0.5),12:N3}{Middle(noise),16}{$"{Cpu(off.Where((_, turn) => turn % 2 == 0)):N2}, {Cpu(off.Where((_, turn) => turn % 2 == 1)):N2}",19}{Cpu(on),8:N2}");
        report.Expect(Quantile(ratios, 0.5) > 1 - ExpectedCost, $"{name}: limits cost less than {ExpectedCost:P0}", $"{1 - Quantile(ratios, 0.5):P1}");
    }

    Slice Limited(Func<int, Question> ask, bool on)
    {
        Limit(on);
        seed++;
        return load.Run(ask, Turn);
    }

    void Limit(bool on)
    {
        using var body = new StringContent(on ? On : Off, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Patch, "/docket/v1/settings") { Content = body };
        using var answer = http.Send(request);
        answer.EnsureSuccessStatusCode();
    }

    Picker NewPicker(int connection) => new(table, seed, connection, load.ConnectionCount);

    /// <summary>Microseconds of the server's processor time for a request.</summary>
    static double Cpu(IEnumerable<Slice> slices) => Report.Overall([.. slices]) is var all ? all.ServerCpu * 1e6 / all.Tickets : 0;

    static string Middle(List<double> values) => $"{Quantile(values, 0.25):N3} to {Quantile(values, 0.75):N3}";

    static double Quantile(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));
}
