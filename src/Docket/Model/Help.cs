namespace Docket.Model;

/// <summary>What a request may ask for beyond HubSpot's ways; nothing by default (docs/optional-features.md). Headers are in <c>Http/HelpHeaders.cs</c>.</summary>
[Flags]
internal enum Help
{
    None = 0,

    /// <summary>Each row of a batch is decided on its own, as if it had a trace id.</summary>
    RowOutcomes = 1,

    /// <summary>Inputs of a batch that name the same record by the same key become one.</summary>
    FoldDuplicates = 2,

    /// <summary>A write is decided and answered, and not done.</summary>
    DryRun = 4,

    /// <summary><c>properties=*</c> stands for all that have a value.</summary>
    AllProperties = 8,

    /// <summary>Pipelines and stages are given and shown by their labels.</summary>
    Labels = 16,

    /// <summary>Results of batches come in any order.</summary>
    Shuffle = 32,
}
