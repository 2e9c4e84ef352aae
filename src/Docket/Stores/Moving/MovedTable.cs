using System.Collections.Immutable;

namespace Docket.Stores.Moving;

/// <summary>What a column contains. Each engine stores it in its own way; in a row that is moved, all numbers are <c>long</c>.</summary>
internal enum ColumnType
{
    Long,
    Int,
    Short,
    Flag,
    Text,
    Bytes,

    /// <summary>The records that an answer names, in order (<see cref="Stores.Names"/>).</summary>
    Names,

    /// <summary>The same with the rows of the results that name them.</summary>
    RowNames,
}

/// <summary>A column of a <see cref="MovedTable"/>.</summary>
internal sealed record MovedColumn(string Name, ColumnType Type);

/// <summary>A table of a portal's data, with the same columns in every engine. A move reads and writes its rows in order of their keys.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">How many of its first columns are its key.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Where">Which rows are moved; <c>null</c> for all.</param>
internal sealed record MovedTable(string Name, int Keys, ImmutableArray<MovedColumn> Columns, string? Where = null)
{
    /// <summary>
    /// The changes. A row has more values than the table has columns: those of the record after the change, if it is the record's newest
    /// one, else <c>null</c> (<see cref="ChangeCells"/>).
    /// </summary>
    public static MovedTable Changes { get; } =
        Of("change", 1, "sequence long, record long, previous long, kind short, time long, source int, created long, origin int, trace bytes, content bytes");

    /// <summary>The newest change of each record. An engine may derive it from <see cref="Changes"/>.</summary>
    public static MovedTable Heads { get; } = Of("head", 1, "key long, change long");

    /// <summary>The tables besides <see cref="Changes"/>, in the order in which they are moved.</summary>
    public static ImmutableArray<MovedTable> Others { get; } =
    [
        Heads,
        Of("unique_value", 2, "property int, value bytes, record long"),
        Of("stage_use", 2, "object_type text, stage text, records long"),
        Of("source", 1, "number int, type text, id text"),
        Of("forward", 1, "record long, survivor long, change long"),
        Of("object_type", 1, "number int, definition text"),
        Of("association_type", 1, "id int, definition text"),
        Of("association_limit", 1, "type int, most int"),
        Of("property", 1, "number int, object_type text, name text, archived flag, definition text"),
        Of("property_group", 2, "object_type text, name text, position int, definition text"),
        Of("pipeline", 2, "object_type text, id text, position int, definition text"),
        Of("pipeline_audit", 2, "object_type text, position int, entry text"),
        Of(
            "job", 1,
            """
            number long, status int, open flag, whole flag, kind int, helps int, object_type text, source_type text, source_id text, requested long, started long, completed long, inputs long,
            done long, created long, updated long, unchanged long, failed long, refusal bytes
            """),
        Of("job_chunk", 2, "job long, first long, count long, numbered flag, lines bytes"),
        Of("job_outcome", 2, "job long, first long, count long, failed long, failures bytes, lines bytes, rejected bytes, names rownames"),
        Of("association", 3, "record long, type int, other long, change long"),
        Of("association_past", 4, "record long, type int, other long, since long, until long"),
        Of("association_change", 2, "record long, change long"),
        Of("unfollowed", 1, "record long, after long"),
        // Without those of requests in progress.
        Of("kept_answer", 2, "source text, key text, request bytes, time long, status int, location text, folded text, body bytes, names names", "status IS NOT NULL"),
    ];

    /// <summary>Whether rows are in the order of a text, which depends on the database.</summary>
    public bool HasTextKey => Columns.Take(Keys).Any(column => column.Type == ColumnType.Text);

    static MovedTable Of(string name, int keys, string columns, string? where = null) => new(
        name, keys, [.. columns.Split(',', StringSplitOptions.TrimEntries).Select(column => column.Split(' ')).Select(parts => new MovedColumn(parts[0], Enum.Parse<ColumnType>(parts[1], ignoreCase: true)))],
        where);
}

/// <summary>Where a row of <see cref="MovedTable.Changes"/> has its values.</summary>
internal static class ChangeCells
{
    public const int Sequence = 0, Record = 1, Previous = 2, Kind = 3, Time = 4, Source = 5, Created = 6, Origin = 7, Trace = 8, Content = 9;

    /// <summary>The record after the change, as a block of values, and its create date, last modification and source.</summary>
    public const int RecordValues = 10, RecordCreated = 11, RecordUpdated = 12, RecordSource = 13;

    public const int Count = 14;
}
