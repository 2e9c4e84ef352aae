using Docket.Model;
using Docket.Model.Types;

namespace Docket.Schemas;

/// <summary>
/// Maintains the seven read-only properties of each stage: created with the stage, archived with it, and labelled after it and its
/// pipeline (reference/properties-pipelines-search-associations.md 2.3). <see cref="Schema"/> relies on every stage of every
/// pipeline having them. Pure.
/// </summary>
internal static class StagePropertyRules
{
    /// <summary>Whether the names for the properties of a future stage are free.</summary>
    public static bool AreFree(ObjectType type, SchemaContent content, string stageId) => !StageProperties.NamesOf(type, stageId).Any(content.Properties.ContainsKey);

    /// <summary>Whether a stage with this id exists or existed.</summary>
    public static bool WasUsed(ObjectType type, SchemaContent content, string stageId) =>
        !AreFree(type, content, stageId) || StageProperties.NamesOf(type, stageId).Any(content.ArchivedProperties.ContainsKey);

    /// <summary>Gives a custom object the properties of a record's place, with its first pipeline (reference/properties-pipelines-search-associations.md 8).</summary>
    public static SchemaContent Begin(SchemaContent content, Edit edit)
    {
        if (edit.Type is not { Definition: { } definition, Stages: { } stages } || content.Properties.ContainsKey(stages.Stage))
        {
            return content;
        }

        foreach (var property in CustomObjects.StageProperties(definition, stages, edit.Now))
        {
            content = content with { Properties = content.Properties.Add(property.Name, new(content.LastNumber + 1, property)), LastNumber = content.LastNumber + 1 };
        }

        return content;
    }

    /// <summary>Gives a stage its properties, new or restored, with current labels.</summary>
    public static SchemaContent Keep(SchemaContent content, Pipeline pipeline, Stage stage, Edit edit)
    {
        foreach (var wanted in StageProperties.Define(edit.Type, pipeline, stage))
        {
            var active = content.Properties.GetValueOrDefault(wanted.Name);
            if (active?.Definition.Label == wanted.Label)
            {
                continue;
            }

            // A stage id that is used again gets its old properties with their numbers, and therefore their values.
            var old = active ?? content.ArchivedProperties.GetValueOrDefault(wanted.Name);
            var number = old?.Number ?? content.LastNumber + 1;
            var definition = wanted with { CreatedAt = old?.Definition.CreatedAt ?? edit.Now, UpdatedAt = edit.Now };
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
        foreach (var name in StageProperties.NamesOf(edit.Type, stage.Id))
        {
            content = PropertyRules.MoveToArchive(content, content.Properties[name], edit);
        }

        return content;
    }
}
