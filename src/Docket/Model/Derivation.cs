using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>How the value of a property is calculated if it isn't stored under its own name.</summary>
internal enum Derivation
{
    /// <summary>Stored as written.</summary>
    None,
    CreateDate,
    HubSpotCreateDate,
    LastModifiedDate,
    RecordId,
    SourceType,
    SourceId,
    IsClosed,
    TimeToClose,

    /// <summary>The time when the current stage was entered.</summary>
    CurrentStageEntered,

    /// <summary>The same value as <see cref="Schema.OriginOf"/>: the older spelling of a stage date.</summary>
    SameAsOrigin,

    /// <summary>Milliseconds in a stage up to now, including the current visit.</summary>
    TimeInStage,

    /// <summary>Whether the record is open and its <see cref="SchemaStages.DueDate"/> has passed.</summary>
    IsOverdue,

    /// <summary><see cref="IsOverdue"/> as 1 or 0.</summary>
    OverdueCount,

    /// <summary>A stored number, or 0: see <see cref="RollUpKind.Count"/>.</summary>
    StoredOrZero,

    /// <summary>The same for every record: see <see cref="ObjectType.Constants"/>.</summary>
    Constant,

    /// <summary>The record's id and those of the records that were merged into it.</summary>
    AllIds,

    /// <summary>The type's id and the record's: see <see cref="Derivations.Coordinates"/>.</summary>
    Coordinates,
}

/// <summary>
/// Calculates derived values, for one record (<c>Objects/RecordView.cs</c>), its past (<c>Objects/PropertyHistory.cs</c>) and a column
/// of the index (<c>Index/IndexColumns.cs</c>).
/// </summary>
internal static class Derivations
{
    /// <summary>Derivations of every type that has such a property.</summary>
    public static readonly ImmutableDictionary<string, Derivation> OfEveryType = ImmutableDictionary.CreateRange(new KeyValuePair<string, Derivation>[]
    {
        new("createdate", Derivation.CreateDate),
        new("hs_createdate", Derivation.HubSpotCreateDate),
        new("hs_lastmodifieddate", Derivation.LastModifiedDate),
        new("hs_object_id", Derivation.RecordId),
        new("hs_object_source", Derivation.SourceType),
        new("hs_object_source_label", Derivation.SourceType),
        new("hs_object_source_id", Derivation.SourceId),
    });

    /// <summary><see cref="Derivation.SourceType"/> and <see cref="Derivation.SourceId"/>.</summary>
    public static string OfSource(Derivation derivation, Source source) => derivation == Derivation.SourceType ? source.Type : source.Id;

    /// <summary><see cref="Derivation.Coordinates"/>, such as <c>0-46-478016441536</c> (reference/objects-other-than-tickets.md 5).</summary>
    public static string Coordinates(ObjectType type, long id) => $"{type.Id}-{id}";

    /// <summary><see cref="Derivation.IsClosed"/>: a deleted stage does not count as closed.</summary>
    public static bool IsClosed(StagePlace? stage) => stage?.IsClosed == true;

    /// <summary><see cref="Derivation.IsOverdue"/>. All times are milliseconds.</summary>
    public static bool IsOverdue(long? due, bool isClosed, long now) => due < now && !isClosed;

    /// <summary><see cref="Derivation.TimeToClose"/>. All times are milliseconds.</summary>
    public static long TimeToClose(long closed, long created) => Math.Max(0, closed - created);

    /// <summary><see cref="Derivation.TimeInStage"/>: all visits that ended, and the current one.</summary>
    public static long TimeInStage(long ended, long entered, bool isCurrent, long now) => ended + (isCurrent ? Math.Max(0, now - entered) : 0);
}
