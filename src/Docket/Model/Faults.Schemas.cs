using System.Collections.Immutable;

namespace Docket.Model;

internal static partial class Faults
{
    // ---- bodies of properties and pipelines: reference/properties-pipelines-search-associations.md 1.3, 1.5, 4.6

    /// <summary>1.5.</summary>
    public static Error CannotBuild(long line, long column, string shape, string missing) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Cannot build {shape}, some of required attributes are not set [{missing}]", Validation);

    // ---- properties: reference/properties-pipelines-search-associations.md 1

    /// <summary>1.4 [decide].</summary>
    public static Error PropertyNameInvalid(string name) =>
        new(400, $"Property name {name} is invalid. Names must start with a letter and contain only lowercase letters, numbers and underscores.", Validation, "PropertyValidationError.INVALID_PROPERTY_NAME");

    /// <summary>1.4: 100 characters; Docket's own wording.</summary>
    public static Error PropertyNameTooLong(string name, int max) =>
        new(400, $"Property name {Shorten(name)} is invalid. Names can have at most {max} characters.", Validation, "PropertyValidationError.INVALID_PROPERTY_NAME");

    /// <summary>1.4: Docket's own, for names of the seven properties of each stage (2.3).</summary>
    public static Error PropertyNameReserved(string name) =>
        new(400, $"Property name {name} is reserved for the properties of pipeline stages.", Validation, "PropertyValidationError.INVALID_PROPERTY_NAME");

    /// <summary>1.9: Docket's own wording.</summary>
    public static Error PropertyGroupNameInvalid(string name, int max) =>
        new(400, $"Property group name {Shorten(name)} is invalid. Names have 1 to {max} characters.", Validation);

    /// <summary>1.5 [decide].</summary>
    public static Error PropertyGroupMissing(string group) => new(400, $"Property group {group} does not exist.", Validation);

    /// <summary>1.3 [decide].</summary>
    public static Error FieldTypeUnfit(string type, string fieldType) =>
        new(400, $"Field type {fieldType} is not valid for property type {type}", Validation);

    /// <summary>1.3 [decide].</summary>
    public static Error OptionsNotUnique() => new(400, "Property options must have unique values.", Validation);

    /// <summary>1.3 [decide].</summary>
    public static Error OptionWithSeparator(string value) =>
        new(400, $"Property option value {Shorten(value)} is invalid. Values cannot contain a semicolon, which separates several values.", Validation);

    /// <summary>1.5.</summary>
    public static Error BooleanOptions() =>
        new(400, "Boolean properties must have exactly two options; one with a value of true, the other with a value of false", Validation, "INVALID_BOOLEAN_OPTION");

    /// <summary>1.5; the start of the sentence is Docket's own.</summary>
    public static Error CurrencyNameWithoutSymbol(string name, string currency) =>
        new(400, $"Property {name} cannot have a currency property name set to '{currency}'", Validation, "ONLY_CURRENCY_PROPERTIES_CAN_SPECIFY_CURRENCY");

    /// <summary>1.5, Docket's own wording.</summary>
    public static Error ExternalOptionsUnfit(string name) =>
        new(400, $"Property {name} has external options, so it needs a referencedObjectType and cannot have options of its own.", Validation);

    /// <summary>1.5, Docket's own wording: no portal has the feature, whatever the scopes of the token.</summary>
    public static Error NotForSensitiveData() =>
        new(400, "This portal is not enabled for sensitive data.", Validation, "PORTAL_NOT_ENABLED_FOR_SENSITIVE_DATA");

    /// <summary>1.4 [decide].</summary>
    public static Error TooManyProperties(ObjectType type, int max) =>
        new(400, $"Object type {type.Id} can have at most {max} custom properties.", Validation, "PropertyValidationError.PROPERTY_LIMIT_EXCEEDED");

    /// <summary>1.4 [decide].</summary>
    public static Error TooManyUniqueProperties(ObjectType type, int max) =>
        new(400, $"Object type {type.Id} can have at most {max} properties with unique values.", Validation, "PropertyValidationError.PROPERTY_LIMIT_EXCEEDED");

    /// <summary>1.6 [decide].</summary>
    public static Error PropertyReadOnly(string name) => new(400, $"Property {name} is read only and cannot be updated", Validation);

    /// <summary>1.7 [decide].</summary>
    public static Error PropertyOfHubSpot(string name) => new(400, $"Property {name} is defined by HubSpot and cannot be archived", Validation);

    /// <summary>1.7; <c>parentType</c> is Docket's own.</summary>
    public static Error PropertyInUse(ObjectType type, string name, ImmutableArray<string> formulas)
    {
        ImmutableArray<(string Message, string Type, string Name)> uses =
        [
            .. formulas.Select(formula => ($"The formula of property {formula} uses it", "CALCULATED_PROPERTY", formula)),
            .. type.Definition is { } definition && definition.Uses.Contains(name) ? [($"The schema of object type {type.Id} refers to it", "OBJECT_SCHEMA", definition.Name)] : ((string, string, string)[])[],
        ];
        return new(400, $"Property: {name} of object type {type.Id} is currently used in {uses.Length} places and cannot be deleted", Validation, "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE")
        {
            Context = [("usageCount", [uses.Length.ToString()])],
            Errors = [.. uses.Select(use => new ErrorDetail(use.Message, SubCategory: "PropertyValidationError.PROPERTY_USAGE") { Context = [("parentType", [use.Type]), ("parentName", [use.Name])] })],
        };
    }

    /// <summary>1.9 [inferred].</summary>
    public static Error PropertyGroupExists(string name) =>
        new(409, $"A property group named '{name}' already exists.", "OBJECT_ALREADY_EXISTS");

    /// <summary>1.9, Docket's own wording.</summary>
    public static Error PropertyGroupNotFound(string name) => new(404, $"Property group \"{name}\" does not exist", NotFoundCategory);

    /// <summary>1.9: the inner error is JSON text inside the message.</summary>
    public static Error PropertyGroupInUse()
    {
        const string Inner = "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES";
        return new(400, $$"""{"status":"error","message":"Can't delete or purge a group with active properties","category":"{{Validation}}","subCategory":"{{Inner}}"}""", Validation, Inner);
    }

    // ---- pipelines: reference/properties-pipelines-search-associations.md 3

    /// <summary>3.6 [decide].</summary>
    public static Error PipelineNotFound(string id) => new(404, $"Pipeline {id} does not exist", NotFoundCategory);

    /// <summary>3.6 [decide].</summary>
    public static Error StageNotFound(string pipelineId, string id) => new(404, $"Stage {id} does not exist in pipeline {pipelineId}", NotFoundCategory);

    /// <summary>3.3 [decide], instead of HubSpot's 500.</summary>
    public static Error PipelineIdTooLong(int max) => new(400, $"A pipelineId can have at most {max} characters", Validation);

    /// <summary>3.3 [decide], instead of HubSpot's 500.</summary>
    public static Error StageIdTooLong(int max) => new(400, $"A stageId can have at most {max} characters", Validation);

    /// <summary>3.3: Docket's own, for an id whose seven properties (2.3) would get names that are in use.</summary>
    public static Error StageIdReserved(string id) => new(400, $"Stage id {id} is reserved", Validation);

    /// <summary>3.3.</summary>
    public static Error PipelineLabelExists(string label) => new(400, $"An active pipeline with label {label} already exists.", Validation);

    /// <summary>3.3.</summary>
    public static Error StageLabelExists(string label) => new(400, $"Stage with label {label} already exists", Validation, "PipelineError.STAGE_LABEL_EXISTS");

    /// <summary>3.3.</summary>
    public static Error PipelineOrderNegative() => new(400, "Pipeline display order cannot be negative", Validation);

    /// <summary>3.3, Docket's own wording.</summary>
    public static Error TooManyStages(int max) => new(400, $"A pipeline can have at most {max} stages", Validation);

    /// <summary>3.3, Docket's own wording.</summary>
    public static Error TooManyPipelines(ObjectType type, int max) => new(400, $"Object type {type.Id} can have at most {max} pipelines", Validation);

    /// <summary>Docket's own wording, for a type whose records have no stage.</summary>
    public static Error WithoutPipelines(ObjectType type) => new(400, $"Object type {type.Id} has no pipelines", Validation);

    /// <summary>3.4; what follows the first words is Docket's own.</summary>
    public static Error StageMetadataInvalid(StageMetadataRule rule, string value) =>
        new(400, $"Failed to deserialize metadata: {rule.Key} must be {string.Join(" or ", rule.Allowed)}, not {Shorten(value)}", Validation, "PipelineError.INVALID_PIPELINE_STAGE_METADATA");

    /// <summary>3.4; for all object types as observed for deals.</summary>
    public static Error StageMetadataMissing(StageMetadataRule rule, StageRules stages) =>
        new(400, $"must specify {rule.Key} when writing a {stages.Stage}", Validation);

    /// <summary>3.4; for all object types as observed for deals.</summary>
    public static Error StageMetadataOutOfRange(StageMetadataRule rule, (double Min, double Max) range, StageRules stages) => new(
        400, $"{stages.Stage} {rule.Key} is not valid, must be between {StageMetadataRule.ToText(range.Min)} and {StageMetadataRule.ToText(range.Max)} (inclusive)", Validation);

    /// <summary>3.5.</summary>
    public static Error PipelineWithoutStage() => new(400, "Pipeline must have at least one stage", Validation);

    /// <summary>3.5.</summary>
    public static Error PipelineWithoutClosedStage(ObjectType type, string id) =>
        new(400, $"{type.Plural} pipeline: {id} must have at least one closed stage", Validation, "PipelineError.MISSING_CLOSED_STAGE");

    /// <summary>3.5, Docket's own wording.</summary>
    public static Error PatchCannotArchive() => new(400, "archived can only be set to false here; send a DELETE instead", Validation);

    /// <summary>3.5.</summary>
    public static Error PipelineIdTaken(string id) => new(400, $"There's another pipeline in this portal with pipelineId ({id}).", Validation);

    /// <summary>3.5.</summary>
    public static Error StageIdOfAnotherPipeline() =>
        new(409, "There's another pipeline in this portal with one of the same stages", "OBJECT_ALREADY_EXISTS", "PipelineError.STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE");

    /// <summary>3.5, without category.</summary>
    public static Error StageIdTaken(string id) => new(400, $"An existing active stage in another pipeline is already using stage id {id}");

    /// <summary>3.5: two stages of one body; Docket's own wording.</summary>
    public static Error StageIdRepeated(string id) => new(400, $"Stage id {id} is given more than once", Validation);

    /// <summary>3.6 [decide].</summary>
    public static Error LastPipeline() => new(400, "At least one pipeline must remain", Validation);

    // ---- custom objects: reference/properties-pipelines-search-associations.md 8, reference/objects-other-than-tickets.md 7. Where only
    // the subCategory is known, the wording is Docket's own.

    public static Error TypeNameInvalid(string name) =>
        new(400, $"Object type name {Shorten(name)} is invalid. Names start with a letter, contain only letters, numbers and underscores, and have at most {TypeDefinition.NameMax} characters.", Validation, "InboundDbObjectTypeError.OBJECT_TYPE_NAME_FORMAT");

    public static Error TypeLabelTooLong(string label) => new(400, $"Label {Shorten(label)} is invalid. Labels have 1 to {TypeDefinition.LabelMax} characters.", Validation);

    public static Error TypeExists(string name) => new(409, $"An object type named '{name}' already exists.", "OBJECT_ALREADY_EXISTS", "InboundDbObjectTypeError.OBJECT_TYPE_ALREADY_EXIST");

    public static Error TooManyTypes(int max) => new(400, $"A portal can have at most {max} custom object types, those that were deleted included.", Validation);

    public static Error PrimaryDisplayRequired() => new(400, "A primary display property is required.", Validation, "ObjectSchemaError.PRIMARY_DISPLAY_PROPERTY_REQUIRED");

    /// <param name="list">The member of the definition.</param>
    /// <param name="names">The names in it that are no properties of the type.</param>
    /// <param name="subCategory">HubSpot's.</param>
    public static Error DisplayPropertiesInvalid(string list, IEnumerable<string> names, string subCategory) =>
        new(400, $"{list} names properties that the object type doesn't have: [{Listed(names.Select(Shorten))}]", Validation, subCategory);

    public static Error SecondaryDisplayTooMany(int max) =>
        new(400, $"secondaryDisplayProperties can have at most {max} different properties", Validation, "ObjectSchemasSandboxesSyncErrorType.INVALID_SECONDARY_DISPLAY_PROPERTIES");

    public static Error SensitiveStaysOn() =>
        new(400, "allowsSensitiveProperties cannot be turned off", Validation, "InboundDbObjectTypeError.SENSITIVE_PROPERTIES_SUPPORT_CANNOT_BE_TURNED_OFF");

    public static Error RecordsOfTypeExist(ObjectType type) =>
        new(400, $"Object type {type.Id} cannot be deleted until all object records are deleted", Validation, "ObjectSchemaError.EXISTING_OBJECT_RECORDS");

    public static Error TypeNotArchived() => new(400, "Couldn't find soft-deleted object type(s)", Validation);

    public static Error TypeOfHubSpot(ObjectType type) => new(400, $"Object type {type.Id} is defined by HubSpot and cannot be changed or deleted", Validation);

    public static Error AssociationWithItself(string type) =>
        new(400, $"Cannot create association definition with itself: {type}", Validation, "ObjectSchemaError.CANNOT_ASSOCIATE_OBJECT_TYPE_WITH_ITSELF");

    /// <summary>5.8.</summary>
    public static Error AssociationNameTaken(string name) => new(400, $"Association definition named {name} already exists for portal", Validation);

    public static Error AssociationElsewhere(ObjectType type) => new(400, $"An association definition needs object type {type.Id} at one of its ends, and a custom object type at one", Validation);

    public static Error AssociationNotFound(string id) => new(404, $"Association definition {Shorten(id)} does not exist", NotFoundCategory);
}
