using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>The result of one input of a batch: a definition, or the error.</summary>
internal readonly record struct PropertyResult(string Name, PropertyDefinition? Definition, Error? Error);

/// <summary>The rules of property definitions (reference/properties-pipelines-search-associations.md 1.2 to 1.8). Pure.</summary>
internal static class PropertyRules
{
    /// <summary>Limits of 1.4. HubSpot's own properties are not counted.</summary>
    public const int CustomMax = 1000, UniqueMax = 10;

    /// <summary>1.4.</summary>
    public const int NameLengthMax = 100;

    public const string NotSensitive = "non_sensitive";

    const string CalculatedFieldType = "calculation_equation";

    /// <summary>Creates a property, or restores an archived one (1.7).</summary>
    public static Edited<PropertyDefinition> Create(SchemaContent content, PropertyCreate input, Edit edit)
    {
        var name = input.Name!;
        RefuseName(content, name);
        if (edit.Type.Definition is not null && edit.Type.Stages is { } stages && (name == stages.Pipeline || name == stages.Stage))
        {
            throw new Refusal(Faults.PropertyNameReserved(name)); // the first pipeline brings them
        }

        if (input.DataSensitivity is not (null or NotSensitive))
        {
            throw new Refusal(Faults.NotForSensitiveData());
        }

        // Restored: number, values, history and create date stay, and the posted definition wins.
        // Uniqueness stays as it was at first creation: stored values either were checked and indexed, or were not, and two records
        // may have the same one by now.
        var old = content.ArchivedProperties.GetValueOrDefault(name);
        var posted = new PropertyDefinition
        {
            Name = name,
            Label = input.Label!,
            Type = input.Type!,
            FieldType = input.FieldType!,
            GroupName = input.GroupName!,
            CreatedAt = old?.Definition.CreatedAt ?? edit.Now,
            CreatedUserId = old?.Definition.CreatedUserId ?? edit.UserId,
            Archived = false,
            HasUniqueValue = old?.Definition.HasUniqueValue ?? input.HasUniqueValue ?? false,
            ExternalOptions = input.ExternalOptions ?? false,
            ReferencedObjectType = input.ReferencedObjectType,
        };
        var definition = Apply(posted, input, edit);
        Check(content, definition);
        RefuseBeyondLimits(content, definition, edit.Type);
        var number = old?.Number ?? content.LastNumber + 1;
        return new(
            content with
            {
                Properties = content.Properties.Add(name, new(number, definition)),
                ArchivedProperties = content.ArchivedProperties.Remove(name),
                LastNumber = Math.Max(content.LastNumber, number),
            },
            definition);
    }

    /// <summary>Creates each input on its own: a refused one doesn't affect the others (1.8).</summary>
    public static Edited<ImmutableArray<PropertyResult>> CreateAll(SchemaContent content, IEnumerable<PropertyCreate> inputs, Edit edit)
    {
        var results = ImmutableArray.CreateBuilder<PropertyResult>();
        foreach (var input in inputs)
        {
            try
            {
                (content, var definition) = Create(content, input, edit);
                results.Add(new(input.Name!, definition, null));
            }
            catch (Refusal refusal)
            {
                results.Add(new(input.Name!, null, refusal.Error));
            }
        }

        return new(content, results.DrainToImmutable());
    }

    /// <summary>Changes the given members and keeps the rest (1.6).</summary>
    public static Edited<PropertyDefinition> Update(SchemaContent content, string name, PropertyUpdate input, Edit edit)
    {
        var (number, old) = content.Properties.GetValueOrDefault(name) ?? throw new Refusal(Faults.PropertyNotFound(name));
        var wanted = Apply(old, input, edit);
        if (!old.ModificationMetadata.ReadOnlyDefinition)
        {
            Check(content, wanted);
        }
        else if (ChangesOptions(old, wanted))
        {
            CheckOptions(wanted);
        }
        else
        {
            return new(content, old);
        }

        return new(content with { Properties = content.Properties.SetItem(name, new(number, wanted)) }, wanted);
    }

    /// <summary>Archives a property; its values stay stored (1.7).</summary>
    public static SchemaContent Archive(SchemaContent content, string name, Edit edit)
    {
        var property = content.Properties.GetValueOrDefault(name) ?? throw new Refusal(Faults.PropertyNotFound(name));
        if (property.Definition.HubspotDefined == true)
        {
            throw new Refusal(Faults.PropertyOfHubSpot(name));
        }

        ImmutableArray<string> users =
        [
            .. content.Properties.Values
                .Where(other => other.Definition.Name != name && other.Definition.CalculationFormula is { } formula && Formula.Properties(formula).Contains(name))
                .Select(other => other.Definition.Name),
        ];
        var isShown = edit.Type.Definition?.Uses.Contains(name) == true; // 1.7 [decide]
        return users.IsEmpty && !isShown ? MoveToArchive(content, property, edit) : throw new Refusal(Faults.PropertyInUse(edit.Type, name, users));
    }

    /// <summary>Archives the existing ones, all or none. Unknown and archived names are ignored (1.8).</summary>
    public static SchemaContent ArchiveAll(SchemaContent content, IEnumerable<string> names, Edit edit)
    {
        foreach (var name in names)
        {
            content = content.Properties.ContainsKey(name) ? Archive(content, name, edit) : content;
        }

        return content;
    }

    public static SchemaContent MoveToArchive(SchemaContent content, NumberedProperty property, Edit edit)
    {
        var name = property.Definition.Name;
        var archived = property.Definition with { Archived = true, ArchivedAt = edit.Now, UpdatedAt = edit.Now };
        return content with
        {
            Properties = content.Properties.Remove(name),
            ArchivedProperties = content.ArchivedProperties.SetItem(name, property with { Definition = archived }),
        };
    }

    static void RefuseName(SchemaContent content, string name)
    {
        if (content.Properties.ContainsKey(name))
        {
            throw new Refusal(Faults.PropertyExists(name));
        }

        if (name.Length > NameLengthMax)
        {
            throw new Refusal(Faults.PropertyNameTooLong(name, NameLengthMax));
        }

        if (name.Length == 0 || !char.IsAsciiLetterLower(name[0])
            || !name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '_'))
        {
            throw new Refusal(Faults.PropertyNameInvalid(name));
        }

        // Otherwise a stage created later could not have its properties, and a stage created again would not get its old ones back.
        if (StageProperties.IsName(name))
        {
            throw new Refusal(Faults.PropertyNameReserved(name));
        }
    }

    // The definition with everything in the input; missing members stay unchanged.
    static PropertyDefinition Apply(PropertyDefinition definition, PropertyUpdate input, Edit edit)
    {
        var formula = input.CalculationFormula ?? definition.CalculationFormula;
        var calculated = !string.IsNullOrEmpty(formula);
        return definition with
        {
            UpdatedAt = edit.Now,
            UpdatedUserId = edit.UserId,
            Label = input.Label ?? definition.Label,
            Type = input.Type ?? definition.Type,
            // A formula makes its property read-only, with this field type (1.10).
            FieldType = calculated && definition.HubspotDefined != true ? CalculatedFieldType : input.FieldType ?? definition.FieldType,
            Description = input.Description ?? definition.Description,
            GroupName = input.GroupName ?? definition.GroupName,
            Options = input.Options is { } options ? Number(options) : definition.Options,
            DisplayOrder = input.DisplayOrder ?? definition.DisplayOrder,
            FormField = input.FormField ?? definition.FormField,
            Hidden = input.Hidden ?? definition.Hidden,
            NumberDisplayHint = input.NumberDisplayHint ?? definition.NumberDisplayHint,
            TextDisplayHint = input.TextDisplayHint ?? definition.TextDisplayHint,
            ShowCurrencySymbol = input.ShowCurrencySymbol ?? definition.ShowCurrencySymbol,
            CurrencyPropertyName = input.CurrencyPropertyName ?? definition.CurrencyPropertyName,
            CalculationFormula = calculated ? formula : null,
            Calculated = definition.HubspotDefined == true ? definition.Calculated : calculated,
            ModificationMetadata = definition.HubspotDefined == true
                ? definition.ModificationMetadata
                : definition.ModificationMetadata with { ReadOnlyValue = calculated },
        };
    }

    // An option without a display order comes after all others: highest plus 1 (1.3).
    static ImmutableArray<PropertyOption> Number(List<OptionInput> inputs)
    {
        var options = ImmutableArray.CreateBuilder<PropertyOption>(inputs.Count);
        var highest = inputs.Max(input => input.DisplayOrder) ?? -1;
        foreach (var input in inputs)
        {
            options.Add(new()
            {
                Label = input.Label!,
                Value = input.Value!,
                Description = input.Description,
                DisplayOrder = input.DisplayOrder ?? ++highest,
                Hidden = input.Hidden ?? false,
            });
        }

        return options.DrainToImmutable();
    }

    static void Check(SchemaContent content, PropertyDefinition definition)
    {
        if (!content.Groups.Any(group => group.Name == definition.GroupName))
        {
            throw new Refusal(Faults.PropertyGroupMissing(definition.GroupName));
        }

        if (!FieldTypesOf(definition.Type).Contains(definition.FieldType))
        {
            throw new Refusal(Faults.FieldTypeUnfit(definition.Type, definition.FieldType));
        }

        CheckOptions(definition);
        if (definition is { ExternalOptions: true, ReferencedObjectType: null } or { ExternalOptions: true, Options.IsEmpty: false })
        {
            throw new Refusal(Faults.ExternalOptionsUnfit(definition.Name));
        }

        if (definition is { CurrencyPropertyName: { } currency, ShowCurrencySymbol: not true })
        {
            throw new Refusal(Faults.CurrencyNameWithoutSymbol(definition.Name, currency));
        }

        if (definition.CalculationFormula is { } formula
            && Formula.Properties(formula).FirstOrDefault(name => !content.Properties.ContainsKey(name)) is { } unknown)
        {
            throw new Refusal(Faults.PropertyNotFound(unknown));
        }
    }

    // 1.3, for requests of clients. HubSpot's own definitions violate the table. An enumeration may have no options.
    static ImmutableArray<string> FieldTypesOf(string type) => type switch
    {
        "bool" => ["booleancheckbox", CalculatedFieldType],
        "enumeration" => ["booleancheckbox", "checkbox", "radio", "select", CalculatedFieldType],
        "date" or "datetime" => ["date"],
        "number" => ["number", CalculatedFieldType],
        "phone_number" => ["phonenumber"],
        _ => ["text", "textarea", "html", "file", "phonenumber", CalculatedFieldType],
    };

    static void CheckOptions(PropertyDefinition definition)
    {
        var options = definition.Options;
        if (options.DistinctBy(option => option.Value).Count() < options.Length || options.DistinctBy(option => option.Label).Count() < options.Length)
        {
            throw new Refusal(Faults.OptionsNotUnique());
        }

        if (options.FirstOrDefault(option => option.Value.Contains(';')) is { } separating)
        {
            throw new Refusal(Faults.OptionWithSeparator(separating.Value));
        }

        // A calculated property has no options.
        if (definition is { Type: "bool", Calculated: false }
            && !(options.Length == 2 && options.Any(option => option.Value == "true") && options.Any(option => option.Value == "false")))
        {
            throw new Refusal(Faults.BooleanOptions());
        }
    }

    // Of HubSpot's own properties, only the list of options can change, and only if the property allows it. Portals add categories
    // this way (1.6). Sending the current values is no change, and accepted.
    static bool ChangesOptions(PropertyDefinition old, PropertyDefinition wanted)
    {
        var besidesOptions = wanted with { Options = old.Options, UpdatedAt = old.UpdatedAt, UpdatedUserId = old.UpdatedUserId };
        var changes = !wanted.Options.SequenceEqual(old.Options);
        var mayChange = old is { ModificationMetadata.ReadOnlyOptions: false, ExternalOptions: false };
        return besidesOptions == old && (mayChange || !changes) ? changes : throw new Refusal(Faults.PropertyReadOnly(old.Name));
    }

    static void RefuseBeyondLimits(SchemaContent content, PropertyDefinition added, ObjectType type)
    {
        var custom = content.Properties.Values.Where(property => property.Definition.HubspotDefined != true).ToList();
        if (custom.Count >= CustomMax)
        {
            throw new Refusal(Faults.TooManyProperties(type, CustomMax));
        }

        if (added.HasUniqueValue && custom.Count(property => property.Definition.HasUniqueValue) >= UniqueMax)
        {
            throw new Refusal(Faults.TooManyUniqueProperties(type, UniqueMax));
        }
    }
}
