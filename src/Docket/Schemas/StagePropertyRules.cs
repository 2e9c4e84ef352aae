using Docket.Model;

namespace Docket.Schemas;

/// <summary>
/// Maintains the seven read-only properties of each stage: created with the stage, archived with it, and labelled after it and its
/// pipeline (reference/properties-pipelines-search-associations.md 2.3). <see cref="Schema"/> relies on every stage of every
/// pipeline having them. Pure.
/// </summary>
internal static class StagePropertyRules
{
    sealed record Template(string Prefix, string Type, string FieldType, bool Hidden, Func<string, string> Label, Func<string, string, string> Description);

    // Newer labels quote the stage in " and older ones in '. All times are milliseconds (2.3 [decide]).
    static readonly Template[] Templates =
    [
        new(StageProperties.Entered, "datetime", "date", false, stage => $"Date entered \"{stage}\"", (type, stage) => $"When the {type} most recently entered stage {stage}."),
        new(StageProperties.Exited, "datetime", "date", false, stage => $"Date exited \"{stage}\"", (type, stage) => $"When the {type} most recently left stage {stage}."),
        new(StageProperties.CumulativeTime, "number", "number", false, stage => $"Cumulative time in \"{stage}\"", (_, stage) => $"Milliseconds spent in stage {stage}, all visits together."),
        new(StageProperties.LatestTime, "number", "number", false, stage => $"Latest time in \"{stage}\"", (_, stage) => $"Milliseconds spent in stage {stage} since the latest entry."),
        new(StageProperties.OlderEntered, "datetime", "calculation_read_time", true, stage => $"Date entered '{stage}'", (type, stage) => $"When the {type} entered stage {stage}."),
        new(StageProperties.OlderExited, "datetime", "calculation_read_time", true, stage => $"Date exited '{stage}'", (type, stage) => $"When the {type} left stage {stage}."),
        new(StageProperties.OlderTime, "number", "calculation_read_time", true, stage => $"Time in '{stage}'", (_, stage) => $"Time spent in stage {stage}."),
    ];

    /// <summary>Whether the names for the properties of a future stage are free.</summary>
    public static bool AreFree(SchemaContent content, string stageId)
    {
        var name = StageProperties.NameOf(stageId);
        return !Array.Exists(Templates, template => content.Properties.ContainsKey(template.Prefix + name));
    }

    /// <summary>Whether a stage with this id exists or existed.</summary>
    public static bool WasUsed(SchemaContent content, string stageId) =>
        !AreFree(content, stageId) || content.ArchivedProperties.ContainsKey(Templates[0].Prefix + StageProperties.NameOf(stageId));

    /// <summary>Gives a stage its properties, new or restored, with current labels.</summary>
    public static SchemaContent Keep(SchemaContent content, Pipeline pipeline, Stage stage, Edit edit)
    {
        var name = StageProperties.NameOf(stage.Id);
        foreach (var template in Templates)
        {
            var wanted = Define(template, name, pipeline, stage, edit);
            var active = content.Properties.GetValueOrDefault(wanted.Name);
            if (active?.Definition.Label == wanted.Label)
            {
                continue;
            }

            // A stage id that is used again gets its old properties with their numbers, and therefore their values.
            var old = active ?? content.ArchivedProperties.GetValueOrDefault(wanted.Name);
            var number = old?.Number ?? content.LastNumber + 1;
            var definition = wanted with { CreatedAt = old?.Definition.CreatedAt ?? edit.Now };
            content = content with
            {
                Properties = content.Properties.SetItem(wanted.Name, new(number, definition)),
                ArchivedProperties = content.ArchivedProperties.Remove(wanted.Name),
                LastNumber = Math.Max(content.LastNumber, number),
            };
        }

        return content;
    }

    public static SchemaContent Archive(SchemaContent content, Stage stage, Edit edit)
    {
        var name = StageProperties.NameOf(stage.Id);
        foreach (var template in Templates)
        {
            content = PropertyRules.MoveToArchive(content, content.Properties[template.Prefix + name], edit);
        }

        return content;
    }

    static PropertyDefinition Define(Template template, string name, Pipeline pipeline, Stage stage, Edit edit) => new()
    {
        Name = template.Prefix + name,
        Label = template.Label($"{stage.Label} ({pipeline.Label})"),
        Type = template.Type,
        FieldType = template.FieldType,
        Description = template.Description(edit.Type.Singular, stage.Label),
        GroupName = edit.Type.Stages!.Group,
        UpdatedAt = edit.Now,
        Hidden = template.Hidden,
        HubspotDefined = true,
        ModificationMetadata = new() { ReadOnlyDefinition = true, ReadOnlyValue = true },
    };
}
