using System.Text;
using CsCheck;
using Docket.Model;
using Docket.Writes;
using Record = Docket.Model.Record;

namespace Docket.Tests.Writes;

public class PlannerTests
{
    static readonly Schema Schema = Schemata.Tickets;

    [Fact]
    public void A_key_that_is_free_creates_and_a_key_that_is_taken_updates()
    {
        var portal = new MemoryPortal();
        var created = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "one"), ("hs_pipeline_stage", "1")));
        var updated = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "two")));

        Assert.Equal(Effect.Created, created.Results[0].Effect);
        Assert.Equal(Effect.Updated, updated.Results[0].Effect);
        Assert.Equal(created.Results[0].Record!.Id, updated.Results[0].Record!.Id);
        Assert.Equal(("two", "1", "0", "K"), (portal.Value("K", "subject"), portal.Value("K", "hs_pipeline_stage"), portal.Value("K", "hs_pipeline"), portal.Value("K", "ext_a")));
    }

    [Fact]
    public void Values_that_are_stored_already_change_nothing()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "one"), ("hs_pipeline_stage", "1")));
        var again = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "one")));

        Assert.Equal(Effect.Unchanged, again.Results[0].Effect);
        Assert.Equal(1, portal.Changes);
    }

    [Fact]
    public void A_change_is_later_than_the_one_before_even_when_the_clock_stands_still()
    {
        var portal = new MemoryPortal { Now = 1_000 };
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("hs_pipeline_stage", "1")));
        Assert.Equal(1_001, portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "a"))).Results[0].Record!.UpdatedAt);
        portal.Now = 500;
        Assert.Equal(1_002, portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("subject", "b"))).Results[0].Record!.UpdatedAt);
    }

    [Fact]
    public void Without_trace_ids_one_fault_keeps_every_row_from_being_written()
    {
        var portal = new MemoryPortal();
        var outcome = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "1", ("hs_pipeline_stage", "1")), Upsert("ext_a", "2", ("subject", "no stage")));

        Assert.True(outcome.Refused);
        Assert.Equal(FaultKind.RequiredMissing, Assert.Single(outcome.Faults).Kind);
        Assert.Equal(0, portal.Changes);
    }

    [Fact]
    public void With_trace_ids_each_row_is_decided_on_its_own()
    {
        var portal = new MemoryPortal();
        var outcome = portal.Apply(
            WriteKind.Upsert, Traced("a", Upsert("ext_a", "1", ("hs_pipeline_stage", "1"))), Traced("b", Upsert("ext_a", "2", ("subject", "no stage"))));

        Assert.False(outcome.Refused);
        Assert.Equal([Effect.Created, Effect.None], outcome.Results.Select(result => result.Effect));
        Assert.Equal(1, Assert.Single(outcome.Faults).Index);
    }

    [Fact]
    public void Two_inputs_that_reach_one_record_by_different_keys_are_refused()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "B"), ("hs_pipeline_stage", "1")));

        var refusal = Assert.Throws<Refusal>(() =>
            portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("subject", "1")), Upsert("ext_b", "B", ("subject", "2"))));
        Assert.Equal("Duplicate IDs found in batch input: [10000000001]. IDs must be unique", refusal.Message);
        Assert.Throws<Refusal>(() =>
            portal.Apply(WriteKind.Upsert, Upsert("ext_a", "new", ("ext_b", "also new"), ("hs_pipeline_stage", "1")), Upsert("ext_b", "also new", ("subject", "2"))));
    }

    [Fact]
    public void A_value_that_a_row_gives_up_is_free_for_the_rows_after_it()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "1"), ("hs_pipeline_stage", "1")), Upsert("ext_a", "B", ("hs_pipeline_stage", "1")));
        var outcome = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "2")), Upsert("ext_a", "B", ("ext_b", "1")));

        Assert.Empty(outcome.Faults);
        Assert.Equal(("2", "1"), (portal.Value("A", "ext_b"), portal.Value("B", "ext_b")));
    }

    [Fact]
    public void A_value_that_another_record_has_is_refused_and_its_holder_named()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "1"), ("hs_pipeline_stage", "1")), Upsert("ext_a", "B", ("hs_pipeline_stage", "1")));
        var fault = Assert.Single(portal.Apply(WriteKind.Upsert, Upsert("ext_a", "B", ("ext_b", "1"))).Faults);

        Assert.Equal((FaultKind.UniqueTaken, 10_000_000_001L), (fault.Kind, fault.Existing));
        Assert.Equal("Cannot set PropertyValueCoordinates{portalId=24000001, objectTypeId=ObjectTypeId{legacyObjectType=TICKET}, propertyName=ext_b, value=1} on 10000000002. 10000000001 already has that value.", fault.Message);
    }

    [Fact]
    public void Closing_and_reopening_keep_the_dates_of_the_ticket_and_of_its_stages()
    {
        var portal = new MemoryPortal { Now = 1_000 };
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("hs_pipeline_stage", "1")));
        portal.Now = 4_000;
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("hs_pipeline_stage", "4")));
        Assert.Equal("1970-01-01T00:00:04Z", portal.Value("K", "closed_date"));
        Assert.Equal("1970-01-01T00:00:04Z", portal.Value("K", "hs_last_closed_date"));
        Assert.Equal(("1970-01-01T00:00:01Z", "1970-01-01T00:00:04Z", "3000", "3000"), (
            portal.Value("K", "hs_v2_date_entered_1"), portal.Value("K", "hs_v2_date_exited_1"),
            portal.Value("K", "hs_v2_latest_time_in_1"), portal.Value("K", "hs_v2_cumulative_time_in_1")));

        portal.Now = 9_000;
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("hs_pipeline_stage", "1")));
        Assert.Equal(("", "1970-01-01T00:00:09Z"), (portal.Value("K", "closed_date"), portal.Value("K", "hs_ticket_reopened_at")));
        portal.Now = 11_000;
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("hs_pipeline_stage", "2")));
        Assert.Equal(("2000", "5000"), (portal.Value("K", "hs_v2_latest_time_in_1"), portal.Value("K", "hs_v2_cumulative_time_in_1")));
    }

    [Fact]
    public void A_create_date_that_is_sent_is_the_create_date_and_the_real_one_is_kept_beside_it()
    {
        var portal = new MemoryPortal { Now = 5_000 };
        var record = portal.Apply(WriteKind.Upsert, Upsert("ext_a", "K", ("createdate", "1000"), ("hs_pipeline_stage", "1"))).Results[0].Record!;
        Assert.Equal((1_000, 5_000), (record.CreatedAt, record.UpdatedAt));
        Assert.Equal("1970-01-01T00:00:05Z", portal.Value("K", "hs_createdate"));
    }

    [Fact]
    public void A_merge_fills_the_gaps_of_the_primary_and_nothing_else()
    {
        var portal = new MemoryPortal { Now = 1_000 };
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("subject", "mine"), ("content", ""), ("hs_pipeline_stage", "1")));
        portal.Now = 2_000;
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "B", ("subject", "theirs"), ("content", "filled"), ("colour", ""), ("ext_b", "free"), ("createdate", "5"), ("hs_pipeline_stage", "4")));
        portal.Now = 3_000;
        var merged = portal.Apply(WriteKind.Merge, ById(1), ById(2)).Results[0].Record!;

        Assert.Equal((10_000_000_005, 1_000, 3_000), (merged.Id, merged.CreatedAt, merged.UpdatedAt));
        Assert.Equal(("mine", "filled", "", "free", "1"), (portal.Value("A", "subject"), portal.Value("A", "content"), portal.Value("A", "colour"), portal.Value("A", "ext_b"), portal.Value("A", "hs_pipeline_stage")));
        Assert.Equal("10000000001;10000000002", portal.Value("A", "hs_merged_object_ids"));
        Assert.All((string[])["createdate", "hs_createdate", "closed_date", "hs_last_closed_date", "hs_v2_date_entered_4"], name => Assert.Equal("(unset)", portal.Value("A", name)));
        Assert.False(portal.Has("ext_a", "B"));
        Assert.Equal(1, portal.InStage("1"));
        Assert.Equal(0, portal.InStage("4"));
    }

    [Fact]
    public void A_record_replaces_250_ids_at_most()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("hs_pipeline_stage", "1")));
        for (var survivor = 1; ;)
        {
            var ids = survivor == 1 ? 0 : portal.Value("A", "hs_merged_object_ids").Split(';').Length;
            var next = (int)(portal.Apply(WriteKind.Upsert, Upsert("ext_a", $"{ids}", ("hs_pipeline_stage", "1"))).Results[0].Record!.Id - Record.IdBase);
            if (ids == 250)
            {
                Assert.Equal("Cannot have more than 250 identities on a profile", Assert.Throws<Refusal>(() => portal.Apply(WriteKind.Merge, ById(survivor), ById(next))).Message);
                return;
            }

            survivor = (int)(portal.Apply(WriteKind.Merge, ById(survivor), ById(next)).Results[0].Record!.Id - Record.IdBase);
        }
    }

    [Fact]
    public void A_restore_reports_every_value_that_is_taken_and_takes_those_that_are_free()
    {
        var portal = new MemoryPortal();
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "B"), ("hs_pipeline_stage", "1")));
        portal.Apply(WriteKind.Archive, ById(1));
        Assert.Equal(0, portal.InStage("1"));
        portal.Apply(WriteKind.Upsert, Upsert("ext_a", "A", ("ext_b", "B"), ("hs_pipeline_stage", "2")));
        Assert.Equal([FaultKind.UniqueTaken, FaultKind.UniqueTaken], portal.Apply(WriteKind.Restore, ById(1)).Faults.Select(fault => fault.Kind));

        portal.Apply(WriteKind.Purge, ById(3));
        Assert.Equal((false, 0), (portal.Has("ext_a", "A"), portal.InStage("2")));
        Assert.Equal(Effect.Restored, portal.Apply(WriteKind.Restore, ById(1)).Results[0].Effect);
        Assert.Equal((true, true, 1), (portal.Has("ext_a", "A"), portal.Has("ext_b", "B"), portal.InStage("1")));
    }

    [Fact]
    public void Whatever_is_written_the_planner_and_a_simple_model_agree() => Gen.Int[0, int.MaxValue].Sample(
        seed =>
        {
            var random = new Random(seed);
            var (portal, model) = (new MemoryPortal(), new Model());
            for (var round = 0; round < 12; round++)
            {
                var (kind, inputs) = RandomBatch(random);
                string planned, modelled;
                try
                {
                    var outcome = portal.Apply(kind, inputs);
                    planned = outcome.Refused ? "refused" : string.Join(',', outcome.Results.Select(result => result.Effect));
                }
                catch (Refusal)
                {
                    planned = "duplicate";
                }

                modelled = model.Apply(kind, inputs);
                Assert.Equal(modelled, planned);
                Assert.Equal(model.Show(), portal.Show());
            }
        },
        iter: 2_000);

    static (WriteKind, RecordInput[]) RandomBatch(Random random)
    {
        var kind = random.Next(10) switch { 0 => WriteKind.Archive, 1 => WriteKind.Update, _ => WriteKind.Upsert };
        var traced = random.Next(2) == 0;
        var inputs = new List<RecordInput>();
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var input = kind == WriteKind.Archive
                ? new RecordInput { Id = Utf8((Record.IdBase + random.Next(1, 12)).ToString()) }
                : Upsert(random.Next(4) == 0 ? "ext_b" : "ext_a", Keys[random.Next(Keys.Length)], RandomValues(random));
            inputs.Add(traced ? Traced($"t{i}", input) : input);
        }

        // Repeated ids are validation's business.
        return (kind, [.. inputs.DistinctBy(input => (Text(input.IdProperty ?? default), Text(input.Id)))]);
    }

    static (string Name, string Value)[] RandomValues(Random random)
    {
        var values = new List<(string, string)>();
        foreach (var (name, choices) in Choices)
        {
            if (random.Next(3) == 0)
            {
                values.Add((name, choices[random.Next(choices.Length)]));
            }
        }

        return [.. values];
    }

    static readonly string[] Keys = ["k1", "k2", "k3"];

    static readonly (string, string[])[] Choices =
    [
        ("hs_pipeline_stage", ["1", "1", "2", "4"]), ("subject", ["x", "y", ""]), ("ext_a", ["k1", "k2", ""]), ("ext_b", ["k1", "k3", ""]), ("tags_set", ["a", ";b", "c;a", ""]),
    ];

    [Fact]
    public void Folded_inputs_leave_what_they_would_leave_one_after_the_other() => Gen.Int[0, int.MaxValue].Sample(seed =>
    {
        var random = new Random(seed);
        (string, string)[] values = [("subject", "a"), ("subject", "b"), ("subject", ""), ("tags_set", "a"), ("tags_set", ";b"), ("tags_set", ";a;c"), ("tags_set", ""), ("ext_b", ""), ("hs_pipeline_stage", "2")];
        var sent = Enumerable.Range(0, random.Next(1, 7))
            .Select(_ => Upsert("ext_a", random.Next(2) == 0 ? "K" : "L", [("hs_pipeline_stage", "1"), .. random.GetItems(values, random.Next(4))])).ToArray();
        var (single, folded) = (new MemoryPortal(), new MemoryPortal());
        foreach (var input in sent)
        {
            Assert.Empty(single.Apply(WriteKind.Upsert, input).Faults);
        }

        var batch = Validation.Check(WriteKind.Upsert, sent, Schema, Schemata.Caller, OptionalFeatures.FoldDuplicates);
        Assert.Empty(folded.Apply(batch).Faults);
        Assert.Equal(single.Show(), folded.Show());
        Assert.Equal(sent.Select(input => Text(input.Id)).Distinct().Count(), folded.Changes);
        Assert.Equal(sent.Length - folded.Changes, batch.Folded.Count);
    });

    [Fact]
    public void Inputs_in_order_leave_what_they_would_leave_one_after_the_other() => Gen.Int[0, int.MaxValue].Sample(
        seed =>
        {
            var random = new Random(seed);
            var (single, together) = (new MemoryPortal(), new MemoryPortal());
            for (var round = 0; round < 3; round++)
            {
                var kind = round == 0 || random.Next(3) > 0 ? WriteKind.Upsert : WriteKind.Update;
                var sent = Enumerable.Range(0, random.Next(1, 9)).Select(_ => kind == WriteKind.Update && random.Next(3) == 0
                    ? Upsert(null, (Record.IdBase + random.Next(1, 9)).ToString(), RandomValues(random))
                    : Upsert(random.Next(3) == 0 ? "ext_b" : "ext_a", Keys[random.Next(Keys.Length)], RandomValues(random))).ToArray();
                List<string> one = [];
                foreach (var input in sent)
                {
                    one.Add(Describe(single.Apply(Validation.Check(kind, [input], Schema, Schemata.Caller, OptionalFeatures.RowOutcomes)), 0));
                }

                var outcome = together.Apply(Validation.Check(kind, sent, Schema, Schemata.Caller, OptionalFeatures.RowOutcomes, inOrder: true));
                Assert.Equal(one, sent.Select((_, index) => Describe(outcome, index)));
                Assert.Equal(single.Show(), together.Show());
                Assert.Equal(single.Changes, together.Changes);
            }
        },
        iter: 2_000);

    static string Describe(Outcome outcome, int index) =>
        $"{outcome.Results[index].Effect} {outcome.Results[index].Record?.Id} {string.Join(',', outcome.Faults.Where(fault => fault.Index == index).Select(fault => fault.Message))}";

    [Fact]
    public void The_new_records_of_a_dry_run_have_the_places_of_their_inputs_for_ids()
    {
        var batch = Validation.Check(WriteKind.Upsert, [Upsert("ext_a", "K", ("hs_pipeline_stage", "1")), Upsert("ext_a", "L", ("hs_pipeline_stage", "1"))], Schema, Schemata.Caller, OptionalFeatures.DryRun);
        var plan = Planner.Decide(batch, new(new Record?[2], []), now: 1_000, firstSequence: 77);
        Assert.Equal([0, 1], plan.Outcome.Results.Select(result => result.Record!.Id));
    }

    static RecordInput Upsert(string? key, string id, params (string Name, string Value)[] values) => new()
    {
        IdProperty = key is null ? (ReadOnlyMemory<byte>?)null : Utf8(key),
        Id = Utf8(id),
        Values = [.. values.Select(value => new RawValue(Utf8(value.Name), Utf8(value.Value)))],
    };

    static RecordInput ById(int change) => new() { Id = Utf8((Record.IdBase + change).ToString()) };

    static RecordInput Traced(string trace, RecordInput input)
    {
        input.TraceId = Utf8(trace);
        return input;
    }

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);

    /// <summary>A store of nothing but dictionaries, which does what plans say.</summary>
    sealed class MemoryPortal
    {
        readonly SortedDictionary<long, Record> active = [], archived = [];
        readonly Dictionary<string, int> stages = [];
        readonly Dictionary<UniqueValue, long> owners = [];

        public long Now { get; set; } = 1_000_000;

        public int Changes { get; private set; }

        public Outcome Apply(WriteKind kind, params RecordInput[] inputs) => Apply(Validation.Check(kind, inputs, Schema, Schemata.Caller));

        public Outcome Apply(WriteBatch batch)
        {
            var records = batch.Inputs.Select(input =>
                input.Key is null ? (batch.Kind == WriteKind.Restore ? archived : active).GetValueOrDefault(long.Parse(Text(input.KeyValue)))
                : owners.TryGetValue(new(input.Key, input.KeyValue), out var id) ? active[id] : null).ToArray();
            var plan = Planner.Decide(batch, new(records, new(owners)), Now, Changes + 1);
            foreach (var write in plan.Writes)
            {
                Assert.Equal(++Changes, write.Record.LastChange);
                Assert.True(write.Kind is ChangeKind.Create or ChangeKind.Merge || (write.Kind == ChangeKind.Restore ? archived : active).Remove(write.Record.Id));
                if (write.Kind is ChangeKind.Create or ChangeKind.Update or ChangeKind.Restore or ChangeKind.Merge)
                {
                    active.Add(write.Record.Id, write.Record);
                }
                else if (write.Kind == ChangeKind.Archive)
                {
                    archived.Add(write.Record.Id, write.Record);
                }
            }

            foreach (var (stage, by) in plan.StageMoves)
            {
                stages[stage] = stages.GetValueOrDefault(stage) + by;
            }

            foreach (var (value, id) in plan.Holders)
            {
                if (id is { } holder)
                {
                    owners.Add(value, holder);
                }
                else
                {
                    Assert.True(owners.Remove(value));
                }
            }

            return plan.Outcome;
        }

        public bool Has(string key, string value) => owners.ContainsKey(new(Schema.Find(key), Utf8(value)));

        public int InStage(string stage) => stages.GetValueOrDefault(stage);

        public string Value(string key, string property)
        {
            var record = active[owners[new(Schema.Find("ext_a"), Utf8(key))]];
            var values = new ValueReader(record.Values.Span);
            return values.Seek(Schema.Find(property)!.Number) ? Encoding.UTF8.GetString(values.Value) : "(unset)";
        }

        public string Show() => string.Join('\n', active.Values.Select(record => string.Join(' ', Model.Shown.Select(name =>
        {
            var values = new ValueReader(record.Values.Span);
            return name + "=" + (values.Seek(Schema.Find(name)!.Number) ? Encoding.UTF8.GetString(values.Value) : "-");
        }))).Order(StringComparer.Ordinal));
    }

    /// <summary>The same rules in the plainest form: maps of texts, searched from end to end.</summary>
    sealed class Model
    {
        public static readonly string[] Shown = ["hs_pipeline_stage", "subject", "ext_a", "ext_b", "tags_set"];

        List<Dictionary<string, string>> tickets = [];
        int changes;

        public string Apply(WriteKind kind, RecordInput[] inputs)
        {
            var before = tickets;
            var changesBefore = changes;
            tickets = [.. tickets.Select(ticket => new Dictionary<string, string>(ticket))];
            var found = inputs.Select(input => before.FindIndex(ticket => Matches(input, ticket))).ToArray();
            var reached = new HashSet<Dictionary<string, string>>();
            var effects = inputs.Select((input, i) => ApplyOne(kind, input, found[i] < 0 ? null : tickets.Find(ticket => ticket["id"] == before[found[i]]["id"]), reached)).ToList();
            var refused = effects.Contains("duplicate") ? "duplicate" : effects.Contains("fault") && inputs.Any(input => input.TraceId is null) ? "refused" : null;
            if (refused is not null)
            {
                (tickets, changes) = (before, changesBefore);
            }

            return refused ?? string.Join(',', effects.Select(effect => effect is "fault" or "missing" ? "None" : effect));
        }

        string ApplyOne(WriteKind kind, RecordInput input, Dictionary<string, string>? ticket, HashSet<Dictionary<string, string>> reached)
        {
            if (kind == WriteKind.Archive)
            {
                changes += ticket is null ? 0 : 1;
                return ticket is null || !tickets.Remove(ticket) ? "None" : "Archived";
            }

            var (key, id) = (Text(input.IdProperty!.Value), Text(input.Id));
            if (tickets.Find(other => other.GetValueOrDefault(key) == id) is { } owner && owner != ticket)
            {
                return "duplicate";
            }

            if (ticket is not null && !reached.Add(ticket))
            {
                return "duplicate";
            }

            var after = ticket is null ? new Dictionary<string, string> { [key] = id } : new(ticket);
            foreach (var raw in input.Values)
            {
                var (name, value) = (Text(raw.Name), Text(raw.Value));
                after[name] = value.StartsWith(';')
                    ? string.Join(';', (after.GetValueOrDefault(name) ?? "").Split(';').Concat(value.Split(';')).Where(part => part != "").Distinct())
                    : value;
            }

            if (ticket is null && kind == WriteKind.Update)
            {
                return "missing";
            }

            if (!after.ContainsKey("hs_pipeline_stage")
                || new[] { "ext_a", "ext_b" }.Any(unique => after.GetValueOrDefault(unique) is { Length: > 0 } value
                    && (ticket is null || ticket.GetValueOrDefault(unique) != value)
                    && tickets.Exists(other => other != ticket && other.GetValueOrDefault(unique) == value)))
            {
                return "fault";
            }

            if (ticket is not null && after.Count == ticket.Count && after.All(entry => ticket.GetValueOrDefault(entry.Key) == entry.Value))
            {
                return "Unchanged";
            }

            changes++;
            after.TryAdd("id", (Record.IdBase + changes).ToString());
            if (ticket is not null)
            {
                tickets.Remove(ticket);
            }

            tickets.Add(after);
            reached.Add(after);
            return ticket is null ? "Created" : "Updated";
        }

        static bool Matches(RecordInput input, Dictionary<string, string> ticket) =>
            ticket.GetValueOrDefault(input.IdProperty is { } key ? Text(key) : "id") == Text(input.Id);

        public string Show() => string.Join('\n', tickets
            .Select(ticket => string.Join(' ', Shown.Select(name => name + "=" + (ticket.GetValueOrDefault(name) ?? "-"))))
            .Order(StringComparer.Ordinal));
    }
}
