using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>Where the value of a property comes from when it is not stored under its own name.</summary>
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

    /// <summary>The moment the current stage was entered.</summary>
    CurrentStageEntered,

    /// <summary>The same value as <see cref="Schema.OriginOf"/>: the older spelling of a stage date.</summary>
    SameAsOrigin,

    /// <summary>Milliseconds in a stage up to now, the running visit included.</summary>
    TimeInStage,

    /// <summary>Counts of things Docket has none of yet: always 0.</summary>
    Zero,
}

/// <summary>
/// How derived values are worked out, whoever asks: one record (<c>Objects/RecordView.cs</c>), its past
/// (<c>Objects/PropertyHistory.cs</c>) and a column of the index (<c>Index/IndexColumns.cs</c>) bring what they are derived from.
/// </summary>
internal static class Derivations
{
    /// <summary>What is derived in every type that has such a property.</summary>
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

    /// <summary><see cref="Derivation.IsClosed"/>: a stage that is gone was none that closes.</summary>
    public static bool IsClosed(StagePlace? stage) => stage?.IsClosed == true;

    /// <summary><see cref="Derivation.TimeToClose"/>. All times are milliseconds.</summary>
    public static long TimeToClose(long closed, long created) => Math.Max(0, closed - created);

    /// <summary><see cref="Derivation.TimeInStage"/>: all visits that ended, and the one that runs.</summary>
    public static long TimeInStage(long ended, long entered, bool isCurrent, long now) => ended + (isCurrent ? Math.Max(0, now - entered) : 0);
}
