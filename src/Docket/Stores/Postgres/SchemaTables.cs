using System.Collections.Immutable;
using System.Text.Json;
using Docket.Model;

namespace Docket.Stores.Postgres;

/// <summary>Stores a schema in its tables: one row for each property, group and pipeline, as JSON in the shape of the wire.</summary>
internal static class SchemaTables
{
    /// <summary>Loads the schemas of the object types that the portal uses, inside a transaction.</summary>
    public static PortalSchema LoadAll(PortalSession session, long portal, ImmutableArray<ObjectType> types)
    {
        session.BeforeRead?.Invoke();
        session.Ask("SELECT object_type, number, archived, definition FROM property WHERE portal = $1", PortalSession.Value(portal));
        session.Ask("SELECT object_type, definition FROM property_group WHERE portal = $1 ORDER BY position", PortalSession.Value(portal));
        session.Ask("SELECT object_type, definition FROM pipeline WHERE portal = $1 ORDER BY position", PortalSession.Value(portal));
        session.Ask("SELECT object_type, entry FROM pipeline_audit WHERE portal = $1 ORDER BY position", PortalSession.Value(portal));
        session.Ask("SELECT '', definition FROM object_type WHERE portal = $1 ORDER BY number", PortalSession.Value(portal));
        session.Ask("SELECT '', definition FROM association_type WHERE portal = $1 ORDER BY id", PortalSession.Value(portal));
        session.Ask("SELECT type, most FROM association_limit WHERE portal = $1", PortalSession.Value(portal));
        using var rows = session.Read();
        var properties = new List<(string Type, int Number, bool Archived, PropertyDefinition Definition)>();
        while (rows.Read())
        {
            properties.Add((rows.GetString(0), rows.GetInt32(1), rows.GetBoolean(2), JsonSerializer.Deserialize(rows.GetString(3), SchemaJson.Default.PropertyDefinition)!));
        }

        var groups = ReadAll(json => JsonSerializer.Deserialize(json, SchemaJson.Default.PropertyGroup)!);
        var pipelines = ReadAll(json => JsonSerializer.Deserialize(json, SchemaJson.Default.Pipeline)!);
        var audit = ReadAll(json => JsonSerializer.Deserialize(json, SchemaJson.Default.PipelineAudit)!);
        var own = ReadAll(json => JsonSerializer.Deserialize(json, SchemaJson.Default.TypeDefinition)!.ToType())[""];
        var associations = ReadAll(json => JsonSerializer.Deserialize(json, SchemaJson.Default.AssociationDefinition)!)[""];
        rows.NextResult();
        var limits = ImmutableSortedDictionary.CreateBuilder<int, int>();
        while (rows.Read())
        {
            limits.Add(rows.GetInt32(0), rows.GetInt32(1));
        }

        var last = properties.Count == 0 ? 0 : properties.Max(property => property.Number);
        return new(types, types.Where(type => properties.Exists(property => property.Type == type.Id)).Concat(own).Select(type => new Schema(type, new SchemaContent(
            PropertiesOf(type, archived: false), PropertiesOf(type, archived: true), [.. groups[type.Id]], [.. pipelines[type.Id]], last)
        { Audit = [.. audit[type.Id]] })), [.. associations], limits.ToImmutable());

        ILookup<string, T> ReadAll<T>(Func<string, T> parse)
        {
            rows.NextResult();
            var all = new List<(string Type, T Entry)>();
            while (rows.Read())
            {
                all.Add((rows.GetString(0), parse(rows.GetString(1))));
            }

            return all.ToLookup(entry => entry.Type, entry => entry.Entry, StringComparer.Ordinal);
        }

        ImmutableSortedDictionary<string, NumberedProperty> PropertiesOf(ObjectType type, bool archived) => properties
            .Where(property => property.Type == type.Id && property.Archived == archived)
            .ToImmutableSortedDictionary(property => property.Definition.Name, property => new NumberedProperty(property.Number, property.Definition), StringComparer.Ordinal);
    }

    /// <summary>Writes an association that the portal has defined.</summary>
    public static void Save(PortalSession session, long portal, AssociationDefinition definition) => session.Queue(
        "INSERT INTO association_type (portal, id, definition) VALUES ($1, $2, $3) ON CONFLICT (portal, id) DO UPDATE SET definition = excluded.definition",
        PortalSession.Value(portal), PortalSession.Value(definition.Id), PortalSession.Value(JsonSerializer.Serialize(definition, SchemaJson.Default.AssociationDefinition)));

    /// <summary>Writes or removes the limit of an association type.</summary>
    public static void SaveLimit(PortalSession session, long portal, int type, int? most)
    {
        if (most is { } limit)
        {
            session.Queue(
                "INSERT INTO association_limit (portal, type, most) VALUES ($1, $2, $3) ON CONFLICT (portal, type) DO UPDATE SET most = excluded.most",
                PortalSession.Value(portal), PortalSession.Value(type), PortalSession.Value(limit));
        }
        else
        {
            session.Queue("DELETE FROM association_limit WHERE portal = $1 AND type = $2", PortalSession.Value(portal), PortalSession.Value(type));
        }
    }

    /// <summary>Writes the difference between two contents, and the definition of a custom type.</summary>
    public static void Save(PortalSession session, long portal, ObjectType type, SchemaContent? before, SchemaContent after)
    {
        if (type.Definition is { } definition)
        {
            session.Queue(
                "INSERT INTO object_type (portal, number, definition) VALUES ($1, $2, $3) ON CONFLICT (portal, number) DO UPDATE SET definition = excluded.definition",
                PortalSession.Value(portal), PortalSession.Value(type.Number), PortalSession.Value(JsonSerializer.Serialize(definition, SchemaJson.Default.TypeDefinition)));
        }

        PutProperties(session, portal, type, before?.Properties, after.Properties, archived: false);
        PutProperties(session, portal, type, before?.ArchivedProperties, after.ArchivedProperties, archived: true);
        if (before?.Groups != after.Groups)
        {
            session.Queue("DELETE FROM property_group WHERE portal = $1 AND object_type = $2", PortalSession.Value(portal), PortalSession.Value(type.Id));
            session.Queue(
                """
                INSERT INTO property_group (portal, object_type, name, position, definition)
                SELECT h.portal, $2, x.* FROM head h, unnest($3::text[], $4::int[], $5::text[]) x WHERE h.portal = $1
                """,
                PortalSession.Value(portal), PortalSession.Value(type.Id), PortalSession.Value(after.Groups.Select(group => group.Name).ToArray()), Positions(after.Groups.Length),
                PortalSession.Value(after.Groups.Select(group => JsonSerializer.Serialize(group, SchemaJson.Default.PropertyGroup)).ToArray()));
        }

        if (before?.Pipelines != after.Pipelines)
        {
            session.Queue("DELETE FROM pipeline WHERE portal = $1 AND object_type = $2", PortalSession.Value(portal), PortalSession.Value(type.Id));
            session.Queue(
                """
                INSERT INTO pipeline (portal, object_type, id, position, definition)
                SELECT h.portal, $2, x.* FROM head h, unnest($3::text[], $4::int[], $5::text[]) x WHERE h.portal = $1
                """,
                PortalSession.Value(portal), PortalSession.Value(type.Id), PortalSession.Value(after.Pipelines.Select(pipeline => pipeline.Id).ToArray()), Positions(after.Pipelines.Length),
                PortalSession.Value(after.Pipelines.Select(pipeline => JsonSerializer.Serialize(pipeline, SchemaJson.Default.Pipeline)).ToArray()));
        }

        for (var position = before?.Audit.Length ?? 0; position < after.Audit.Length; position++)
        {
            session.Queue(
                "INSERT INTO pipeline_audit (portal, object_type, position, entry) VALUES ($1, $2, $3, $4)",
                PortalSession.Value(portal), PortalSession.Value(type.Id), PortalSession.Value(position), PortalSession.Value(JsonSerializer.Serialize(after.Audit[position], SchemaJson.Default.PipelineAudit)));
        }
    }

    /// <summary>Finds the stages of <paramref name="before"/> that <paramref name="after"/> doesn't have and that active records use.</summary>
    public static List<string> UsedStagesTakenAway(PortalSession session, long portal, ObjectType type, SchemaContent before, SchemaContent after)
    {
        var kept = after.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id).ToHashSet(StringComparer.Ordinal);
        string[] taken = [.. before.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id).Where(stage => !kept.Contains(stage))];
        return taken is [] ? [] : session.List(
            row => row.GetString(0),
            """
            SELECT k.stage FROM unnest($3::text[]) WITH ORDINALITY k(stage, n)
            CROSS JOIN LATERAL (SELECT records FROM stage_use s WHERE s.portal = $1 AND s.object_type = $2 AND s.stage = k.stage LIMIT 1) s WHERE s.records > 0 ORDER BY k.n
            """,
            PortalSession.Value(portal), PortalSession.Value(type.Id), PortalSession.Value(taken));
    }

    /// <summary>Whether a type has active records.</summary>
    public static bool HasRecords(PortalSession session, long portal, ObjectType type) => session.List(
        row => row.GetInt64(0), "SELECT records FROM stage_use WHERE portal = $1 AND object_type = $2 AND records > 0 LIMIT 1", PortalSession.Value(portal), PortalSession.Value(type.Id)) is not [];

    static void PutProperties(
        PortalSession session, long portal, ObjectType type, ImmutableSortedDictionary<string, NumberedProperty>? before, ImmutableSortedDictionary<string, NumberedProperty> after, bool archived)
    {
        var changed = after.Where(entry => !ReferenceEquals(before?.GetValueOrDefault(entry.Key), entry.Value)).ToList();
        if (changed.Count > 0)
        {
            session.Queue(
                """
                INSERT INTO property (portal, number, object_type, name, archived, definition)
                SELECT h.portal, x.number, $2, x.name, $3, x.definition FROM head h, unnest($4::int[], $5::text[], $6::text[]) x(number, name, definition) WHERE h.portal = $1
                ON CONFLICT (portal, number) DO UPDATE SET archived = excluded.archived, definition = excluded.definition
                """,
                PortalSession.Value(portal), PortalSession.Value(type.Id), PortalSession.Value(archived), PortalSession.Value(changed.Select(entry => entry.Value.Number).ToArray()),
                PortalSession.Value(changed.Select(entry => entry.Key).ToArray()), PortalSession.Value(changed.Select(entry => JsonSerializer.Serialize(entry.Value.Definition, SchemaJson.Default.PropertyDefinition)).ToArray()));
        }
    }

    static Npgsql.NpgsqlParameter Positions(int count) => PortalSession.Value(Enumerable.Range(0, count).ToArray());
}
