using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>
/// Reads the bodies of this room. Required members are checked once the object has been read, so that the answer lists everything
/// that is missing and where the object ends (reference/properties-pipelines-search-associations.md 1.5). Members that only the
/// server sets are ignored, like unknown ones.
/// </summary>
internal static class InputJson
{
    // HubSpot's order is unknown; this is the order of the specification.
    static readonly string[]
        Types = ["bool", "date", "datetime", "enumeration", "number", "phone_number", "string"],
        FieldTypes = ["booleancheckbox", "calculation_equation", "checkbox", "date", "file", "html", "number", "phonenumber", "radio", "select", "text", "textarea"],
        NumberHints = ["currency", "duration", "formatted", "percentage", "probability", "unformatted"],
        TextHints = ["domain_name", "email", "ip_address", "multi_line", "phone_number", "physical_address", "postal_code", "unformatted_single_line"],
        Sensitivities = ["highly_sensitive", "non_sensitive", "sensitive"];

    static readonly JsonShape<OptionInput> Option = new(
        "OptionInput",
        ["label", "value"],
        ("label", (option, ref json) => option.Label = json.Text()),
        ("value", (option, ref json) => option.Value = json.Text()),
        ("description", (option, ref json) => option.Description = json.Text()),
        ("displayOrder", (option, ref json) => option.DisplayOrder = json.Number()),
        ("hidden", (option, ref json) => option.Hidden = json.Flag()));

    static readonly JsonShape<PropertyUpdate> PropertyUpdateShape = new(null, [], UpdateMembers<PropertyUpdate>());

    static readonly JsonShape<PropertyCreate> PropertyCreateShape = PropertyShape("PropertyCreate", "name", "label", "type", "fieldType", "groupName");

    static readonly JsonShape<PropertyGroupCreate> GroupCreateShape = new(
        "PropertyGroupCreate",
        ["name", "label"],
        ("name", (group, ref json) => group.Name = json.Text()),
        ("label", (group, ref json) => group.Label = json.Text()),
        ("displayOrder", (group, ref json) => group.DisplayOrder = json.Number()));

    static readonly JsonShape<PropertyGroupUpdate> GroupUpdateShape = new(
        null,
        [],
        ("label", (group, ref json) => group.Label = json.Text()),
        ("displayOrder", (group, ref json) => group.DisplayOrder = json.Number()));

    static readonly JsonShape<PropertyName> Name = new(
        "PropertyName",
        ["name"],
        ("name", (property, ref json) => property.Name = json.Text()));

    static readonly JsonShape<PipelinePatch> PipelinePatchShape = new(
        null,
        [],
        ("label", (pipeline, ref json) => pipeline.Label = json.Text()),
        ("displayOrder", (pipeline, ref json) => pipeline.DisplayOrder = json.Number()),
        ("archived", (pipeline, ref json) => pipeline.Archived = json.Flag()));

    public static JsonCursor.Reading<PropertyCreate> PropertyCreate => PropertyCreateShape.Read;

    public static JsonCursor.Reading<PropertyUpdate> PropertyUpdate => PropertyUpdateShape.Read;

    public static JsonCursor.Reading<Batch<PropertyCreate>> PropertyCreates { get; } = BatchOf(PropertyCreateShape).Read;

    public static JsonCursor.Reading<Batch<PropertyName>> PropertyNames { get; } = BatchOf(Name).Read;

    public static JsonCursor.Reading<PropertyGroupCreate> GroupCreate => GroupCreateShape.Read;

    public static JsonCursor.Reading<PropertyGroupUpdate> GroupUpdate => GroupUpdateShape.Read;

    public static JsonCursor.Reading<PipelineInput> Pipeline(ObjectType type) => new JsonShape<PipelineInput>(
        "PipelineInput",
        ["label"],
        ("label", (pipeline, ref json) => pipeline.Label = json.Text()),
        ("displayOrder", (pipeline, ref json) => pipeline.DisplayOrder = json.Number()),
        ("pipelineId", (pipeline, ref json) => pipeline.PipelineId = json.Text()),
        ("stages", (pipeline, ref json) => pipeline.Stages = json.List("a list of stages", Stage(type)))).Read;

    public static JsonCursor.Reading<PipelinePatch> PipelinePatch => PipelinePatchShape.Read;

    public static JsonCursor.Reading<StageInput> Stage(ObjectType type) => new JsonShape<StageInput>(
        "PipelineStageInput",
        ["label"],
        ("label", (stage, ref json) => stage.Label = json.Text()),
        ("displayOrder", (stage, ref json) => stage.DisplayOrder = json.Number()),
        ("metadata", (stage, ref json) => stage.Metadata = json.IsNull ? null : Metadata(type).Read(ref json)),
        ("stageId", (stage, ref json) => stage.StageId = json.Text())).Read;

    public static JsonCursor.Reading<StagePatch> StagePatch(ObjectType type) => new JsonShape<StagePatch>(
        null,
        [],
        ("label", (stage, ref json) => stage.Label = json.Text()),
        ("displayOrder", (stage, ref json) => stage.DisplayOrder = json.Number()),
        ("metadata", (stage, ref json) => stage.Metadata = json.IsNull ? null : Metadata(type).Read(ref json)),
        ("archived", (stage, ref json) => stage.Archived = json.Flag())).Read;

    /// <summary>A new property, in the request that needs some of its members.</summary>
    public static JsonShape<PropertyCreate> PropertyShape(string builds, params string[] required) => new(
        builds,
        required,
        [
            ("name", (property, ref json) => property.Name = json.Text()),
            ("hasUniqueValue", (property, ref json) => property.HasUniqueValue = json.Flag()),
            ("externalOptions", (property, ref json) => property.ExternalOptions = json.Flag()),
            ("referencedObjectType", (property, ref json) => property.ReferencedObjectType = json.Text()),
            ("dataSensitivity", (property, ref json) => property.DataSensitivity = json.OneOf(Sensitivities)),
            .. UpdateMembers<PropertyCreate>(),
        ]);

    static JsonShape<Dictionary<string, string?>> Metadata(ObjectType type) => new(
        null,
        [],
        [.. (type.Stages?.Metadata ?? []).Where(rule => !rule.IsDerived).Select(rule => (rule.Key, (JsonMember<Dictionary<string, string?>>)((metadata, ref json) => metadata[rule.Key] = json.Text())))]);

    static (string, JsonMember<T>)[] UpdateMembers<T>()
        where T : PropertyUpdate =>
    [
        ("label", (property, ref json) => property.Label = json.Text()),
        ("type", (property, ref json) => property.Type = json.OneOf(Types)),
        ("fieldType", (property, ref json) => property.FieldType = json.OneOf(FieldTypes)),
        ("groupName", (property, ref json) => property.GroupName = json.Text()),
        ("description", (property, ref json) => property.Description = json.Text()),
        ("options", (property, ref json) => property.Options = json.List("a list of options", Option.Read)),
        ("displayOrder", (property, ref json) => property.DisplayOrder = json.Number()),
        ("formField", (property, ref json) => property.FormField = json.Flag()),
        ("hidden", (property, ref json) => property.Hidden = json.Flag()),
        ("numberDisplayHint", (property, ref json) => property.NumberDisplayHint = json.OneOf(NumberHints)),
        ("textDisplayHint", (property, ref json) => property.TextDisplayHint = json.OneOf(TextHints)),
        ("showCurrencySymbol", (property, ref json) => property.ShowCurrencySymbol = json.Flag()),
        ("currencyPropertyName", (property, ref json) => property.CurrencyPropertyName = json.Text()),
        ("calculationFormula", (property, ref json) => property.CalculationFormula = json.Text()),
    ];

    static JsonShape<Batch<T>> BatchOf<T>(JsonShape<T> input)
        where T : new() => new(
            null,
            [],
            ("inputs", (batch, ref json) => batch.Inputs = batch.Inputs is null ? json.List("an array of inputs", input.Read) : throw json.Refuse(Faults.InputsTwice)),
            ("archived", (batch, ref json) => batch.Archived = json.Flag()),
            ("dataSensitivity", (batch, ref json) => batch.DataSensitivity = json.Text()));
}
