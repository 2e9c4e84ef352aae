using System.Text;

namespace Docket.Bench;

/// <summary>
/// What one connection asks again and again: writes the next request and knows what the answer must look like. One
/// class a question. Each connection has its own, so they share nothing but the table.
/// </summary>
internal abstract class Question(Table table)
{
    public const int BatchSize = 100;

    protected Table Table => table;

    protected Ticket Ticket { get; } = new(table.Keys);

    /// <summary>Writes the next request and says how many tickets it is about; less than 0 when there is nothing left to ask.</summary>
    public abstract int Write(Request request);

    /// <summary>Whether this is the answer to the request just written. Its status was right already.</summary>
    public abstract bool IsRight(ReadOnlySpan<byte> body);

    /// <summary>An upsert's input with all values of a ticket.</summary>
    protected void AddInput(Request request, int number, TicketVersion version)
    {
        Ticket.Become(number, version);
        request.Add("{\"idProperty\":\"hs_external_object_ids\",\"id\":\""u8);
        request.AddText(Ticket.Key);
        request.Add("\",\"properties\":{"u8);
        for (var property = 0; property < Ticket.Names.Length; property++)
        {
            request.Add(property == 0 ? "\""u8 : ",\""u8);
            request.Add(Ticket.Names[property]);
            request.Add("\":\""u8);
            request.AddText(Ticket[property]);
            request.Add("\""u8);
        }

        request.Add("}}"u8);
    }

    protected static void AddNames(Request request, ReadOnlySpan<byte> separator)
    {
        for (var property = 0; property < Ticket.Names.Length; property++)
        {
            request.Add(property == 0 ? ""u8 : separator);
            request.Add(Ticket.Names[property]);
        }
    }
}

/// <summary>Writes whole tickets by their key, as a sync does: it sends every value, whether or not it changed.</summary>
internal abstract class Upserts(Table table, bool creates) : Question(table)
{
    int expected;

    public override int Write(Request request)
    {
        request.Post("/crm/v3/objects/tickets/batch/upsert"u8);
        request.Add("{\"inputs\":["u8);
        expected = WriteInputs(request);
        request.Add("]}"u8);
        request.End();
        return expected == 0 ? -1 : expected;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) =>
        body.Count("\"new\":true"u8) == (creates ? expected : 0) && body.Count("\"new\":false"u8) == (creates ? 0 : expected);

    /// <summary>Writes the batch's inputs and gives their number.</summary>
    protected abstract int WriteInputs(Request request);

    protected void WriteInput(Request request, int number, TicketVersion version, bool first)
    {
        request.Add(first ? ""u8 : ","u8);
        AddInput(request, number, version);
    }
}

/// <summary>New tickets in the order of their numbers, up to <paramref name="end"/>.</summary>
internal sealed class Creates(Table table, Creates.Cursor next, int end) : Upserts(table, creates: true)
{
    protected override int WriteInputs(Request request)
    {
        var first = next.Take(BatchSize);
        var count = Math.Clamp(end - first, 0, BatchSize);
        for (var i = 0; i < count; i++)
        {
            WriteInput(request, first + i, default, first: i == 0);
        }

        return count;
    }

    /// <summary>Where the next batch begins, for all connections.</summary>
    internal sealed class Cursor(int start)
    {
        int next = start;

        public int Take(int count) => Interlocked.Add(ref next, count) - count;
    }
}

/// <summary>Tickets in their next version. All their values are sent, as a sync does.</summary>
internal sealed class Updates(Table table, Picker picker, int batchSize, Change change = Change.Texts) : Upserts(table, creates: false)
{
    readonly int[] numbers = new int[batchSize];

    protected override int WriteInputs(Request request)
    {
        picker.Pick(numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            WriteInput(request, numbers[i], Table.Advance(numbers[i], change), first: i == 0);
        }

        return numbers.Length;
    }
}

/// <summary>
/// An upload of NDJSON, and then the wait for the end of its job. Its rows are random tickets in their next versions, each so
/// many times in a row, as in an export of events that is sorted by ticket.
/// </summary>
internal sealed class Uploads(Table table, Picker picker, int rowsATicket) : Question(table)
{
    const int Batches = 20;

    readonly int[] numbers = new int[BatchSize / rowsATicket];
    byte[]? job;

    public override int Write(Request request)
    {
        if (job is not null)
        {
            request.Get();
            request.Add("/docket/v1/jobs/"u8);
            request.Add(job);
            request.End("Prefer: wait=60\r\n"u8);
            return Batches * BatchSize;
        }

        request.Post("/crm/v3/objects/tickets/batch/upsert"u8, "Prefer: respond-async\r\nContent-Type: application/x-ndjson\r\n"u8);
        for (var batch = 0; batch < Batches; batch++)
        {
            picker.Pick(numbers);
            foreach (var number in numbers)
            {
                for (var row = 0; row < rowsATicket; row++)
                {
                    AddInput(request, number, Table.Advance(number, Change.Texts));
                    request.Add("\n"u8);
                }
            }
        }

        request.End();
        return 0;
    }

    public override bool IsRight(ReadOnlySpan<byte> body)
    {
        var isUpload = job is null;
        job = isUpload ? Encoding.ASCII.GetBytes(Answers.Id(body).ToString()) : null;
        return isUpload || (body.IndexOf("\"status\":\"COMPLETE\""u8) >= 0 && body.IndexOf(Encoding.ASCII.GetBytes($"\"updated\":{Batches * BatchSize},")) >= 0);
    }
}

/// <summary>Random tickets exactly as they are: nothing changes.</summary>
internal sealed class Repeats(Table table, Picker picker) : Upserts(table, creates: false)
{
    readonly int[] numbers = new int[BatchSize];

    protected override int WriteInputs(Request request)
    {
        picker.Pick(numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            WriteInput(request, numbers[i], Table.Version(numbers[i]), first: i == 0);
        }

        return numbers.Length;
    }
}

/// <summary>One random ticket by its key. If nobody else writes, the answer must hold the subject written last.</summary>
internal sealed class Reads(Table table, Picker picker, bool history = false, bool quiet = true) : Question(table)
{
    public override int Write(Request request)
    {
        var number = picker.Pick();
        Ticket.Become(number, Table.Version(number));
        request.Get();
        request.Add("/crm/v3/objects/tickets/"u8);
        request.Add(Ticket.Key);
        request.Add("?idProperty=hs_external_object_ids&properties="u8);
        AddNames(request, ","u8);
        request.Add(history ? "&propertiesWithHistory=subject"u8 : ""u8);
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) =>
        (quiet ? Answers.HasVersion(body, Ticket[Ticket.Subject]) : body.IndexOf("\"subject\":"u8) >= 0) && body.Count("\"propertiesWithHistory\":{"u8) == (history ? 1 : 0);
}

/// <summary>A hundred random tickets by their keys.</summary>
internal sealed class BatchReads(Table table, Picker picker) : Question(table)
{
    readonly int[] numbers = new int[BatchSize];

    public override int Write(Request request)
    {
        picker.Pick(numbers);
        request.Post("/crm/v3/objects/tickets/batch/read"u8);
        request.Add("{\"idProperty\":\"hs_external_object_ids\",\"properties\":[\""u8);
        AddNames(request, "\",\""u8);
        request.Add("\"],\"inputs\":["u8);
        for (var i = 0; i < numbers.Length; i++)
        {
            Ticket.Become(numbers[i], default);
            request.Add(i == 0 ? "{\"id\":\""u8 : ",{\"id\":\""u8);
            request.Add(Ticket.Key);
            request.Add("\"}"u8);
        }

        request.Add("]}"u8);
        request.End();
        return BatchSize;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"createdAt\":"u8) == BatchSize;
}

/// <summary>Pages of a hundred that begin at random places of the list.</summary>
internal sealed class Lists(Table table, long[] ids, Picker picker) : Question(table)
{
    public override int Write(Request request)
    {
        request.Get();
        request.Add("/crm/v3/objects/tickets?limit=100&after="u8);
        request.Add(ids[picker.Pick() % ids.Length]);
        request.Add("&properties="u8);
        AddNames(request, ","u8);
        request.End();
        return BatchSize;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"createdAt\":"u8) == BatchSize;
}

/// <summary>Small things to look for in an answer.</summary>
internal static class Answers
{
    /// <summary>Whether the answer has a subject of this version. Only its end is looked for: the rest may be escaped in several right ways.</summary>
    public static bool HasVersion(ReadOnlySpan<byte> body, ReadOnlySpan<byte> subject)
    {
        var end = subject[subject.LastIndexOf((byte)'#')..];
        var found = body.IndexOf(end);
        return found >= 0 && body[found + end.Length] == '"';
    }

    /// <summary>How many tickets a search found.</summary>
    public static long Total(ReadOnlySpan<byte> body) =>
        body.StartsWith("{\"total\":"u8) && System.Buffers.Text.Utf8Parser.TryParse(body["{\"total\":".Length..], out long total, out _)
            ? total
            : throw new WrongAnswer("No total in " + Encoding.UTF8.GetString(body));

    /// <summary>The record id of a single ticket.</summary>
    public static long Id(ReadOnlySpan<byte> body)
    {
        var start = body.IndexOf("\"id\":\""u8);
        return start >= 0 && System.Buffers.Text.Utf8Parser.TryParse(body[(start + 6)..], out long id, out _)
            ? id
            : throw new WrongAnswer("No id in " + Encoding.UTF8.GetString(body));
    }
}
