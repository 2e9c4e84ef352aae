using System.Collections.Immutable;
using System.Text.Json;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Stores a schema in its tables: one row for each property, group and pipeline, as JSON in the shape of the wire.</summary>
internal static class SchemaTables
{
    /// <summary>Loads the schemas of the object types that the portal uses.</summary>
    public static PortalSchema LoadAll(Connection connection, ImmutableArray<ObjectType> types) =>
        new(types, types.Where(type => IsUsed(connection, type)).Concat(LoadTypes(connection)).Select(type => new Schema(type, Load(connection, type))), LoadAssociations(connection), LoadLimits(connection));

    /// <summary>Loads the schema of one object type.</summary>
    public static SchemaContent Load(Connection connection, ObjectType type)
    {
        var active = ImmutableSortedDictionary.CreateBuilder<string, NumberedProperty>(StringComparer.Ordinal);
        var archived = ImmutableSortedDictionary.CreateBuilder<string, NumberedProperty>(StringComparer.Ordinal);
        using var properties = connection.Prepare("SELECT number, archived, definition FROM property WHERE object_type = ?");
        properties.Bind(type.Id);
        while (properties.Step())
        {
            var definition = JsonSerializer.Deserialize(properties.Text(2), SchemaJson.Default.PropertyDefinition)!;
            (properties.Integer(1) == 0 ? active : archived)[definition.Name] = new((int)properties.Integer(0), definition);
        }

        var groups = ImmutableArray.CreateBuilder<PropertyGroup>();
        using var groupRows = connection.Prepare("SELECT definition FROM property_group WHERE object_type = ? ORDER BY position");
        groupRows.Bind(type.Id);
        while (groupRows.Step())
        {
            groups.Add(JsonSerializer.Deserialize(groupRows.Text(0), SchemaJson.Default.PropertyGroup)!);
        }

        var pipelines = ImmutableArray.CreateBuilder<Pipeline>();
        using var pipelineRows = connection.Prepare("SELECT definition FROM pipeline WHERE object_type = ? ORDER BY position");
        pipelineRows.Bind(type.Id);
        while (pipelineRows.Step())
        {
            pipelines.Add(JsonSerializer.Deserialize(pipelineRows.Text(0), SchemaJson.Default.Pipeline)!);
        }

        var audit = ImmutableArray.CreateBuilder<PipelineAudit>();
        using var auditRows = connection.Prepare("SELECT entry FROM pipeline_audit WHERE object_type = ? ORDER BY position");
        auditRows.Bind(type.Id);
        while (auditRows.Step())
        {
            audit.Add(JsonSerializer.Deserialize(auditRows.Text(0), SchemaJson.Default.PipelineAudit)!);
        }

        return new(active.ToImmutable(), archived.ToImmutable(), groups.DrainToImmutable(), pipelines.DrainToImmutable(), LastNumber(connection))
        {
            Audit = audit.DrainToImmutable(),
        };
    }

    /// <summary>Writes an association that the portal has defined.</summary>
    public static void Save(Connection connection, AssociationDefinition definition)
    {
        using var put = connection.Prepare("INSERT INTO association_type (id, definition) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET definition = excluded.definition");
        put.Bind(definition.Id).Bind(JsonSerializer.Serialize(definition, SchemaJson.Default.AssociationDefinition)).Run();
    }

    /// <summary>Writes or removes the limit of an association type.</summary>
    public static void SaveLimit(Connection connection, int type, int? most)
    {
        using var remove = connection.Prepare("DELETE FROM association_limit WHERE type = ?");
        remove.Bind(type).Run();
        if (most is { } limit)
        {
            using var put = connection.Prepare("INSERT INTO association_limit (type, most) VALUES (?, ?)");
            put.Bind(type).Bind(limit).Run();
        }
    }

    /// <summary>Writes the difference between two contents, and the definition of a custom type.</summary>
    public static void Save(Connection connection, ObjectType type, SchemaContent? before, SchemaContent after)
    {
        if (type.Definition is { } definition)
        {
            using var putType = connection.Prepare("INSERT INTO object_type (number, definition) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET definition = excluded.definition");
            putType.Bind(type.Number).Bind(JsonSerializer.Serialize(definition, SchemaJson.Default.TypeDefinition)).Run();
        }

        using var putProperty = connection.Prepare(
            "INSERT INTO property (number, object_type, name, archived, definition) VALUES (?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET archived = excluded.archived, definition = excluded.definition");
        PutProperties(putProperty, type, before?.Properties, after.Properties, archived: false);
        PutProperties(putProperty, type, before?.ArchivedProperties, after.ArchivedProperties, archived: true);

        if (before?.Groups != after.Groups)
        {
            using var clear = connection.Prepare("DELETE FROM property_group WHERE object_type = ?");
            clear.Bind(type.Id).Run();
            using var put = connection.Prepare("INSERT INTO property_group (object_type, name, position, definition) VALUES (?, ?, ?, ?)");
            foreach (var (position, group) in after.Groups.Index())
            {
                put.Bind(type.Id).Bind(group.Name).Bind(position).Bind(JsonSerializer.Serialize(group, SchemaJson.Default.PropertyGroup)).Run();
            }
        }

        if (before?.Pipelines != after.Pipelines)
        {
            using var clear = connection.Prepare("DELETE FROM pipeline WHERE object_type = ?");
            clear.Bind(type.Id).Run();
            using var put = connection.Prepare("INSERT INTO pipeline (object_type, id, position, definition) VALUES (?, ?, ?, ?)");
            foreach (var (position, pipeline) in after.Pipelines.Index())
            {
                put.Bind(type.Id).Bind(pipeline.Id).Bind(position).Bind(JsonSerializer.Serialize(pipeline, SchemaJson.Default.Pipeline)).Run();
            }
        }

        using var append = connection.Prepare("INSERT INTO pipeline_audit (object_type, position, entry) VALUES (?, ?, ?)");
        for (var position = before?.Audit.Length ?? 0; position < after.Audit.Length; position++)
        {
            append.Bind(type.Id).Bind(position).Bind(JsonSerializer.Serialize(after.Audit[position], SchemaJson.Default.PipelineAudit)).Run();
        }
    }

    /// <summary>Finds the stages of <paramref name="before"/> that <paramref name="after"/> doesn't have and that active records use.</summary>
    public static List<string> UsedStagesTakenAway(Connection connection, Folds folds, ObjectType type, SchemaContent before, SchemaContent after)
    {
        using var use = connection.Prepare("SELECT records FROM stage_use WHERE object_type = ? AND stage = ?");
        var kept = after.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id).ToHashSet(StringComparer.Ordinal);
        var unfolded = folds.StageMoves(withOpen: true);
        var used = new List<string>();
        foreach (var stage in before.Pipelines.SelectMany(pipeline => pipeline.Stages).Where(stage => !kept.Contains(stage.Id)))
        {
            var records = unfolded.GetValueOrDefault((type.Id, stage.Id));
            if (use.Bind(type.Id).Bind(stage.Id).Step())
            {
                records += use.Integer(0);
                use.Reset();
            }

            if (records > 0)
            {
                used.Add(stage.Id);
            }
        }

        return used;
    }

    /// <summary>Whether a type has active records.</summary>
    public static bool HasRecords(Connection connection, Folds folds, ObjectType type)
    {
        using var sum = connection.Prepare("SELECT coalesce(sum(records), 0) FROM stage_use WHERE object_type = ?");
        sum.Bind(type.Id).Step();
        return sum.Integer(0) + folds.StageMoves(withOpen: true).Where(move => move.Key.Type == type.Id).Sum(move => move.Value) > 0;
    }

    /// <summary>Counts the active records, by the id of their type.</summary>
    public static Dictionary<string, long> CountActive(Connection connection, Folds folds)
    {
        var counts = folds.StageMoves(withOpen: false).GroupBy(move => move.Key.Type).ToDictionary(moves => moves.Key, moves => moves.Sum(move => move.Value));
        using var select = connection.Prepare("SELECT object_type, sum(records) FROM stage_use GROUP BY object_type");
        while (select.Step())
        {
            counts[select.Text(0)] = counts.GetValueOrDefault(select.Text(0)) + select.Integer(1);
        }

        return counts;
    }

    static ImmutableArray<AssociationDefinition> LoadAssociations(Connection connection)
    {
        var definitions = ImmutableArray.CreateBuilder<AssociationDefinition>();
        using var select = connection.Prepare("SELECT definition FROM association_type ORDER BY id");
        while (select.Step())
        {
            definitions.Add(JsonSerializer.Deserialize(select.Text(0), SchemaJson.Default.AssociationDefinition)!);
        }

        return definitions.DrainToImmutable();
    }

    static ImmutableSortedDictionary<int, int> LoadLimits(Connection connection)
    {
        var limits = ImmutableSortedDictionary.CreateBuilder<int, int>();
        using var select = connection.Prepare("SELECT type, most FROM association_limit");
        while (select.Step())
        {
            limits.Add((int)select.Integer(0), (int)select.Integer(1));
        }

        return limits.ToImmutable();
    }

    static bool IsUsed(Connection connection, ObjectType type)
    {
        using var select = connection.Prepare("SELECT 1 FROM property WHERE object_type = ? LIMIT 1");
        return select.Bind(type.Id).Step();
    }

    static List<ObjectType> LoadTypes(Connection connection)
    {
        var types = new List<ObjectType>();
        using var select = connection.Prepare("SELECT definition FROM object_type ORDER BY number");
        while (select.Step())
        {
            types.Add(JsonSerializer.Deserialize(select.Text(0), SchemaJson.Default.TypeDefinition)!.ToType());
        }

        return types;
    }

    // Numbers are unique in a portal, across types.
    static int LastNumber(Connection connection) => (int)connection.QueryInteger("SELECT coalesce(max(number), 0) FROM property");

    static void PutProperties(
        Statement put, ObjectType type, ImmutableSortedDictionary<string, NumberedProperty>? before, ImmutableSortedDictionary<string, NumberedProperty> after, bool archived)
    {
        // In the order of the table, so that its pages become full.
        foreach (var (name, property) in after.OrderBy(entry => entry.Value.Number))
        {
            if (!ReferenceEquals(before?.GetValueOrDefault(name), property))
            {
                put.Bind(property.Number).Bind(type.Id).Bind(name).Bind(archived ? 1 : 0)
                    .Bind(JsonSerializer.Serialize(property.Definition, SchemaJson.Default.PropertyDefinition)).Run();
            }
        }
    }
}
