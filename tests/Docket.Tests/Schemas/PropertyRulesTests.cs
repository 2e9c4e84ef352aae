using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Docket.Schemas;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Schemas;

/// <summary>The rules of properties and groups; "check n" is a line of reference/properties-pipelines-search-associations.md 10.</summary>
public sealed class PropertyRulesTests
{
    static readonly SchemaContent Fresh = SchemaContent.Of(Tickets.Type.Seed());
    static readonly Edit First = new(Tickets.Type, 1_700_000_000_000, "77"), Later = First with { Now = First.Now + 5, UserId = "78" };

    [Behaviour("…/properties/tickets", "five fields make a property; the rest gets its defaults, without `hubspotDefined`", "observed", "properties-pipelines-search-associations.md 10.1")]
    [Fact]
    public void A_property_with_the_five_required_fields_gets_the_defaults_check_1()
    {
        var (content, created) = Create(Fresh, Text("ext_id"));

        Assert.Equal(
            """{"updatedAt":"2023-11-14T22:13:20Z","createdAt":"2023-11-14T22:13:20Z","name":"ext_id","label":"L","type":"string","fieldType":"text","description":"","groupName":"ticketinformation","options":[],"createdUserId":"77","updatedUserId":"77","displayOrder":-1,"calculated":false,"externalOptions":false,"archived":false,"hasUniqueValue":false,"hidden":false,"modificationMetadata":{"archivable":true,"readOnlyDefinition":false,"readOnlyValue":false},"formField":false,"dataSensitivity":"non_sensitive"}""",
            JsonSerializer.Serialize(created, SchemaJson.Default.PropertyDefinition));
        Assert.Equal(Fresh.LastNumber + 1, content.Properties["ext_id"].Number);
        Assert.Equal(Fresh.LastNumber + 1, content.LastNumber);
    }

    [Behaviour("…/properties/tickets", "a taken name is 409 `Properties.PROPERTY_WITH_NAME_EXISTS`", "observed", "properties-pipelines-search-associations.md 10.2")]
    [Fact]
    public void A_taken_name_is_a_conflict_check_2()
    {
        var (content, _) = Create(Fresh, Text("x"));

        var error = Refused(() => Create(content, Text("x")));

        Assert.Equal((409, "A property named 'x' already exists.", "OBJECT_ALREADY_EXISTS", "Properties.PROPERTY_WITH_NAME_EXISTS"), (error.Status, error.Message, error.Category, error.SubCategory));
        Assert.Equal(409, Refused(() => Create(content, Text("subject"))).Status);
    }

    [Behaviour("…/properties/tickets", "archiving twice is 404", "observed", "properties-pipelines-search-associations.md 10.3")]
    [Fact]
    public void An_archived_property_moves_away_and_cannot_be_archived_again_check_3()
    {
        var (content, _) = Create(Fresh, Text("x"));

        var archived = PropertyRules.Archive(content, "x", Later);

        Assert.False(archived.Properties.ContainsKey("x"));
        Assert.Equal((true, (long?)Later.Now), (archived.ArchivedProperties["x"].Definition.Archived, archived.ArchivedProperties["x"].Definition.ArchivedAt));
        Assert.Equal((404, "OBJECT_NOT_FOUND"), (Refused(() => PropertyRules.Archive(archived, "x", Later)) is var error ? (error.Status, error.Category) : default));
        Assert.Same(archived, PropertyRules.ArchiveAll(archived, ["x", "never_was"], Later));
    }

    [Behaviour("…/properties/tickets", "creating an archived name brings it back, with its `createdAt` and as unique as it was", "observed", "properties-pipelines-search-associations.md 10.4")]
    [Fact]
    public void Creating_an_archived_name_brings_it_back_with_its_number_and_uniqueness_check_4()
    {
        var (content, _) = Create(Fresh, Text("x") with { HasUniqueValue = true, Description = "old" });
        var archived = PropertyRules.Archive(content, "x", Later);
        var (other, _) = Create(archived, Text("y"));

        var (back, definition) = PropertyRules.Create(other, Text("x") with { Type = "number", FieldType = "number", HasUniqueValue = false }, Later);

        Assert.Equal(content.Properties["x"].Number, back.Properties["x"].Number);
        Assert.Equal(other.LastNumber, back.LastNumber);
        Assert.Equal((First.Now, Later.Now, "77", "78"), (definition.CreatedAt, definition.UpdatedAt, definition.CreatedUserId, definition.UpdatedUserId));
        Assert.Equal(("number", "", true, false, null), (definition.Type, definition.Description, definition.HasUniqueValue, definition.Archived, definition.ArchivedAt));
        Assert.Empty(back.ArchivedProperties);
    }

    [Behaviour("…/properties/tickets", "a PATCH replaces the options as a whole and leaves what it does not name", "observed", "properties-pipelines-search-associations.md 10.5")]
    [Fact]
    public void A_patch_replaces_options_as_a_whole_and_leaves_what_it_does_not_name_check_5()
    {
        var (content, _) = Create(Fresh, Choice("x", Option("a"), Option("b")));

        var (relabelled, afterLabel) = PropertyRules.Update(content, "x", new() { Label = "New" }, Later);
        var (_, afterOptions) = PropertyRules.Update(relabelled, "x", new() { Options = [Option("b")] }, Later);

        Assert.Equal(("New", "a", "b"), (afterLabel.Label, afterLabel.Options[0].Value, afterLabel.Options[1].Value));
        Assert.Equal("b", Assert.Single(afterOptions.Options).Value);
        Assert.Equal(("New", Later.Now, First.Now, "78"), (afterOptions.Label, afterOptions.UpdatedAt, afterOptions.CreatedAt, afterOptions.UpdatedUserId));
    }

    [Behaviour("…/properties/tickets", "a PATCH ignores what cannot change: `name`, `hasUniqueValue`, …", "observed", "properties-pipelines-search-associations.md 10.5")]
    [Fact]
    public void A_patch_ignores_what_cannot_change_check_5()
    {
        var (content, _) = Create(Fresh, Text("x"));
        var input = Parse("""{"hasUniqueValue":true,"name":"y","dataSensitivity":"sensitive","externalOptions":true,"label":null,"numberDisplayHint":null}""", InputJson.PropertyUpdate);

        var (_, updated) = PropertyRules.Update(content, "x", input, Later);

        Assert.Equal(("x", false, "non_sensitive", false, "L"), (updated.Name, updated.HasUniqueValue, updated.DataSensitivity, updated.ExternalOptions, updated.Label));
    }

    [Behaviour("…/properties/tickets", "a `bool` needs exactly the options `true` and `false`", "observed", "properties-pipelines-search-associations.md 10.6")]
    [Theory]
    [InlineData]
    [InlineData("true")]
    [InlineData("true", "no")]
    [InlineData("true", "false", "maybe")]
    public void A_boolean_needs_exactly_true_and_false_check_6(params string[] values)
    {
        var error = Refused(() => Create(Fresh, Choice("x", [.. values.Select(Option)]) with { Type = "bool", FieldType = "booleancheckbox" }));

        Assert.Equal((400, "INVALID_BOOLEAN_OPTION"), (error.Status, error.SubCategory));
        Assert.Equal("Boolean properties must have exactly two options; one with a value of true, the other with a value of false", error.Message);
    }

    [Behaviour("…/properties/tickets", "a batch creates the good ones and refuses the others", "observed", "properties-pipelines-search-associations.md 10.7")]
    [Fact]
    public void A_batch_creates_the_good_and_reports_the_bad_check_7()
    {
        var (content, results) = PropertyRules.CreateAll(Fresh, [Text("a"), Text("subject"), Text("B"), Text("a"), Text("c")], First);

        Assert.Equal([null, 409, 400, 409, null], results.Select(result => result.Error?.Status));
        Assert.Equal(["a", "subject", "B", "a", "c"], results.Select(result => result.Name));
        Assert.Equal((Fresh.LastNumber + 1, Fresh.LastNumber + 2), (content.Properties["a"].Number, content.Properties["c"].Number));
    }

    [Behaviour("…/properties/tickets/groups", "a group with properties cannot be deleted", "observed", "properties-pipelines-search-associations.md 10.8")]
    [Fact]
    public void A_group_with_properties_stays_check_8()
    {
        var error = Refused(() => GroupRules.Delete(Fresh, "ticketinformation"));

        Assert.Equal((400, "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES"), (error.Status, error.SubCategory));
        Assert.Equal("Can't delete or purge a group with active properties", JsonDocument.Parse(error.Message).RootElement.GetProperty("message").GetString());
    }

    [Behaviour("…/properties/tickets/groups", "a deleted group leaves its name free and takes no new property", "observed", "properties-pipelines-search-associations.md 1.9")]
    [Fact]
    public void A_deleted_group_leaves_its_name_free_and_holds_no_new_property()
    {
        var (content, created) = GroupRules.Create(Fresh, new() { Name = "g", Label = "G" });
        Assert.Equal(new("g", "G", 1, false), created);
        Assert.Equal(409, Refused(() => GroupRules.Create(content, new() { Name = "g", Label = "G" })).Status);

        var (renamed, _) = GroupRules.Update(content, "g", new() { Label = "H" });
        Assert.Equal(new("g", "H", 1, false), GroupRules.Find(renamed, "g"));

        var deleted = GroupRules.Delete(renamed, "g");
        Assert.Equal("Property group g does not exist.", Refused(() => Create(deleted, Text("x") with { GroupName = "g" })).Message);
        Assert.Equal(404, Refused(() => GroupRules.Find(deleted, "g")).Status);
        Assert.Equal(new("g", "New", 1, false), GroupRules.Create(deleted, new() { Name = "g", Label = "New" }).Answer);
    }

    [Behaviour("…/properties/tickets", "a name starts with a letter and has lower-case letters, digits and underscores, at most 100", "docs, decide", "properties-pipelines-search-associations.md 1.4")]
    [Theory]
    [InlineData("Upper")]
    [InlineData("1st")]
    [InlineData("_x")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData("")]
    [InlineData("ä")]
    [InlineData("hs_v2_date_entered_7")]
    [InlineData("hs_time_in_7")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void A_bad_name_is_refused(string name)
    {
        var error = Refused(() => Create(Fresh, Text(name)));

        Assert.Equal((400, "VALIDATION_ERROR", "PropertyValidationError.INVALID_PROPERTY_NAME"), (error.Status, error.Category, error.SubCategory));
    }

    [Behaviour("…/properties/tickets", "`fieldType` must fit `type`", "docs, decide", "properties-pipelines-search-associations.md 1.3")]
    [Theory]
    [InlineData("string", "number")]
    [InlineData("number", "text")]
    [InlineData("date", "text")]
    [InlineData("datetime", "calculation_equation")]
    [InlineData("enumeration", "text")]
    [InlineData("bool", "select")]
    [InlineData("phone_number", "text")]
    public void A_field_type_must_fit_the_type(string type, string fieldType)
    {
        var error = Refused(() => Create(Fresh, Text("x") with { Type = type, FieldType = fieldType }));

        Assert.Equal((400, $"Field type {fieldType} is not valid for property type {type}"), (error.Status, error.Message));
    }

    [Fact]
    public void Options_get_the_next_display_order_and_must_differ()
    {
        var (_, created) = Create(Fresh, Choice("x", Option("a") with { DisplayOrder = 0 }, Option("b") with { DisplayOrder = 1 }, Option("art"), Option("c") with { DisplayOrder = 2 }));
        Assert.Equal([0, 1, 3, 2], created.Options.Select(option => option.DisplayOrder));

        Assert.Equal("Property options must have unique values.", Refused(() => Create(Fresh, Choice("x", Option("a"), Option("a") with { Label = "other" }))).Message);
        Assert.Equal("Property options must have unique values.", Refused(() => Create(Fresh, Choice("x", Option("a"), Option("b") with { Label = "Label a" }))).Message);
        Assert.Equal(400, Refused(() => Create(Fresh, Choice("x", Option("a;b")))).Status);
        Assert.Empty(Create(Fresh, Choice("x")).Answer.Options);
    }

    [Fact]
    public void External_options_need_a_referenced_type_and_no_options()
    {
        Assert.Equal(400, Refused(() => Create(Fresh, Choice("x") with { ExternalOptions = true })).Status);
        Assert.Equal(400, Refused(() => Create(Fresh, Choice("x", Option("a")) with { ExternalOptions = true, ReferencedObjectType = "OWNER" })).Status);
        Assert.True(Create(Fresh, Choice("x") with { ExternalOptions = true, ReferencedObjectType = "OWNER" }).Answer.ExternalOptions);
    }

    [Fact]
    public void A_currency_name_needs_its_symbol_also_later()
    {
        var input = Text("x") with { Type = "number", FieldType = "number", CurrencyPropertyName = "cur" };
        Assert.Equal("ONLY_CURRENCY_PROPERTIES_CAN_SPECIFY_CURRENCY", Refused(() => Create(Fresh, input)).SubCategory);

        var (content, _) = Create(Fresh, input with { ShowCurrencySymbol = true });
        Assert.Equal("ONLY_CURRENCY_PROPERTIES_CAN_SPECIFY_CURRENCY", Refused(() => PropertyRules.Update(content, "x", new() { ShowCurrencySymbol = false }, Later)).SubCategory);
    }

    [Fact]
    public void Sensitive_data_are_refused() =>
        Assert.Equal("PORTAL_NOT_ENABLED_FOR_SENSITIVE_DATA", Refused(() => Create(Fresh, Text("x") with { DataSensitivity = "highly_sensitive" })).SubCategory);

    [Behaviour("…/properties/tickets", "at most 10 unique and 1,000 custom properties", "docs, observed", "properties-pipelines-search-associations.md 1.4")]
    [Fact]
    public void At_most_ten_unique_properties_and_a_thousand_in_all()
    {
        var content = Fresh;
        for (var i = 0; i < PropertyRules.UniqueMax; i++)
        {
            (content, _) = Create(content, Text($"u{i}") with { HasUniqueValue = true });
        }

        var error = Refused(() => Create(content, Text("one_more") with { HasUniqueValue = true }));
        Assert.Equal((400, "PropertyValidationError.PROPERTY_LIMIT_EXCEEDED"), (error.Status, error.SubCategory));

        for (var i = PropertyRules.UniqueMax; i < PropertyRules.CustomMax; i++)
        {
            (content, _) = Create(content, Text($"p{i}"));
        }

        Assert.Equal("PropertyValidationError.PROPERTY_LIMIT_EXCEEDED", Refused(() => Create(content, Text("one_more"))).SubCategory);
        (content, _) = Create(PropertyRules.Archive(content, "u0", Later), Text("one_more") with { HasUniqueValue = true });
        Assert.Equal(400, Refused(() => Create(PropertyRules.Archive(content, "p10", Later), Text("u0"))).Status);
    }

    [Behaviour("…/properties/tickets", "of HubSpot's own properties only open options may change", "inferred, decide", "properties-pipelines-search-associations.md 1.6")]
    [Fact]
    public void Of_a_property_of_HubSpot_only_open_options_may_change()
    {
        var (content, category) = PropertyRules.Update(Fresh, "hs_ticket_category", new() { Options = [Option("OTHER")] }, Later);
        Assert.Equal("OTHER", Assert.Single(category.Options).Value);
        Assert.Equal("78", content.Properties["hs_ticket_category"].Definition.UpdatedUserId);

        var refused = Refused(() => PropertyRules.Update(Fresh, "subject", new() { Label = "Betreff" }, Later));
        Assert.Equal((400, "Property subject is read only and cannot be updated"), (refused.Status, refused.Message));
        Assert.Equal(400, Refused(() => PropertyRules.Update(Fresh, "hs_ticket_category", new() { Options = [Option("OTHER")], Label = "x" }, Later)).Status);
        Assert.Equal(400, Refused(() => PropertyRules.Update(Fresh, "hs_pipeline_stage", new() { Options = [Option("9")] }, Later)).Status);
        Assert.Equal(400, Refused(() => PropertyRules.Archive(Fresh, "subject", Later)).Status);
        Assert.Same(Fresh, PropertyRules.Update(Fresh, "subject", new() { Label = "Ticket name" }, Later).Content);
    }

    [Behaviour("…/properties/tickets", "a property that a formula uses cannot be archived", "observed", "properties-pipelines-search-associations.md 1.7")]
    [Fact]
    public void A_formula_makes_a_read_only_property_and_holds_on_to_what_it_uses()
    {
        var (content, _) = Create(Fresh, Text("price") with { Type = "number", FieldType = "number" });
        var (withFormula, total) = Create(content, Text("total") with { Type = "number", FieldType = "number", CalculationFormula = "IF price > 1 THEN max([properties.price], 2) ELSE string_to_number('nothing') ENDIF" });
        Assert.Equal(("calculation_equation", true, true), (total.FieldType, total.Calculated, total.ModificationMetadata.ReadOnlyValue));

        var used = Refused(() => PropertyRules.Archive(withFormula, "price", Later));
        Assert.Equal("Property: price of object type 0-5 is currently used in 1 places and cannot be deleted", used.Message);
        Assert.Equal(("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE", "1"), (used.SubCategory, used.Context[0].Values[0]));
        Assert.Equal("total", used.Errors[0].Context[1].Values[0]);

        Assert.Equal(404, Refused(() => Create(content, Text("t") with { Type = "number", FieldType = "number", CalculationFormula = "price * unknown_one" })).Status);
        var (freed, plain) = PropertyRules.Update(withFormula, "total", new() { CalculationFormula = "", FieldType = "number" }, Later);
        Assert.Equal((false, null, "number", false), (plain.Calculated, plain.CalculationFormula, plain.FieldType, plain.ModificationMetadata.ReadOnlyValue));
        Assert.True(PropertyRules.Archive(freed, "price", Later).ArchivedProperties.ContainsKey("price"));
    }

    [Theory]
    [InlineData("""{"name":"x","label":"L","type":"string","fieldType":"text"}""", 1, 59, "Cannot build PropertyCreate, some of required attributes are not set [groupName]")]
    [InlineData("""{"label":"L"}""", 1, 13, "Cannot build PropertyCreate, some of required attributes are not set [name, type, fieldType, groupName]")]
    [InlineData("{\n  \"type\": \"text\"}", 2, 11, "Enum type must be one of: [bool, date, datetime, enumeration, number, phone_number, string]")]
    [InlineData("""{"label":"é","numberDisplayHint":""}""", 1, 35, "Enum type must be one of: [currency, duration, formatted, percentage, probability, unformatted]")]
    [InlineData("""{"options":[{"label":"a"}]}""", 1, 25, "Cannot build OptionInput, some of required attributes are not set [value]")]
    [InlineData("""{"name":{}}""", 1, 9, "Expected a text, found an object", null)]
    [InlineData("""{"hidden":"yes"}""", 1, 11, "Expected true or false, found a text", null)]
    [InlineData("""{"displayOrder":1.5}""", 1, 17, "Expected a whole number from -2147483648 to 2147483647, found another one", null)]
    [InlineData("""{"displayOrder":"many"}""", 1, 17, "Expected a whole number, found a text", null)]
    [InlineData("""{"options":{"label":"a"}}""", 1, 12, "Expected a list of options, found an object", null)]
    [InlineData("""{"name":"x","label":"L","type":"string","fieldType":"text","groupName":"g","options":[null]}""", 1, 87, "Expected an object, found null", null)]
    [InlineData("""{"name":"x","label":"L","type":"string","fieldType":"text","groupName":"g","name":null}""", 1, 87, "Cannot build PropertyCreate, some of required attributes are not set [name]")]
    public void What_does_not_fit_is_answered_with_its_place(string body, int line, int column, string words, string? category = "VALIDATION_ERROR")
    {
        var error = Refused(() => Parse(body, InputJson.PropertyCreate));

        Assert.Equal((400, $"Invalid input JSON on line {line}, column {column}: {words}", category), (error.Status, error.Message, error.Category));
    }

    [Fact]
    public void Bodies_are_read_tolerantly()
    {
        var input = Parse(
            """{"name":12,"label":true,"type":"string","fieldType":"text","groupName":"g","displayOrder":"3","hidden":"TRUE","formField":null,"unknown":[{}],"hubspotDefined":true}""",
            InputJson.PropertyCreate);

        Assert.Equal(("12", "true", (int?)3, (bool?)true, (bool?)null), (input.Name, input.Label, input.DisplayOrder, input.Hidden, input.FormField));
    }

    static Edited<PropertyDefinition> Create(SchemaContent content, PropertyCreate input) => PropertyRules.Create(content, input, First);

    static PropertyCreate Text(string name) => new() { Name = name, Label = "L", Type = "string", FieldType = "text", GroupName = "ticketinformation" };

    static PropertyCreate Choice(string name, params OptionInput[] options) => Text(name) with { Type = "enumeration", FieldType = "select", Options = [.. options] };

    static OptionInput Option(string value) => new() { Value = value, Label = $"Label {value}" };

    static T Parse<T>(string json, JsonCursor.Reading<T> read)
    {
        using var body = RequestBody.Of(System.Text.Encoding.UTF8.GetBytes(json));
        return JsonCursor.Read(body, read);
    }

    static Error Refused(Action act) => Assert.Throws<Refusal>(act).Error;

    static Error Refused<T>(Func<T> act) => Refused(() => { act(); });
}
