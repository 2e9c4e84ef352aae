namespace Docket.Model;

/// <summary>The optional features of a request; none by default (docs/optional-features.md). Headers are in <c>Http/FeatureHeaders.cs</c>.</summary>
[Flags]
internal enum OptionalFeatures
{
    None = 0,

    /// <summary>Each row of a batch succeeds or fails on its own, as if it had a trace id.</summary>
    RowOutcomes = 1,

    /// <summary>Inputs of a batch with the same value of the same key are combined.</summary>
    FoldDuplicates = 2,

    /// <summary>A write is checked and answered, but not executed.</summary>
    DryRun = 4,

    /// <summary><c>properties=*</c> means all properties with a value.</summary>
    AllProperties = 8,

    /// <summary>Pipelines, stages, options and owners are given and shown by their labels.</summary>
    Labels = 16,

    /// <summary>Results of batches come in random order.</summary>
    Shuffle = 32,

    /// <summary>Inputs of an upsert or update contain associations too, as those of a create do.</summary>
    Associations = 64,
}
