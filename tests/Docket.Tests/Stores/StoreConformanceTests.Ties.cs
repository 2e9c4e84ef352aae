using System.Collections.Immutable;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Writes;

namespace Docket.Tests.Stores;

// Associations, seen from both sides.
public abstract partial class StoreConformanceTests
{
    [Fact]
    public async Task An_association_is_seen_from_both_sides_and_survives_a_restart()
    {
        var (ticket, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact));
        Assert.Equal([(contact, "16")], await TiesAsync(Tickets.Type, ticket, Contacts.Type));
        Assert.Equal([(ticket, "15")], await TiesAsync(Contacts.Type, contact, Tickets.Type));

        await CloseAsync();
        Store = await OpenAsync();
        Assert.Equal([(contact, "16")], await TiesAsync(Tickets.Type, ticket, Contacts.Type));
        Assert.Equal([(ticket, "15")], await TiesAsync(Contacts.Type, contact, Tickets.Type));
        Assert.Equal("", await TieAsync(TieKind.Dissociate, Contacts.Type, contact, Tickets.Type, ticket));
        Assert.Empty(await TiesAsync(Tickets.Type, ticket, Contacts.Type));
    }

    [Fact]
    public async Task A_change_of_associations_is_in_the_feed_once_with_its_number()
    {
        var (ticket, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        var before = Store.Sequence;
        await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact);
        await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact);
        await TieAsync(TieKind.Dissociate, Tickets.Type, ticket, Contacts.Type, contact);
        var changes = await Store.FeedAsync(before, 10, 1_000, Cancellation);
        Assert.Equal([ChangeKind.Associate, ChangeKind.Dissociate], changes.Select(change => change.Kind));
        Assert.Equal([before + 1, before + 2], changes.Select(change => change.Sequence));
        Assert.All(changes, change =>
        {
            Assert.Equal((5, ticket), (change.Type, change.RecordId));
            Assert.Equal((1, contact), (change.Tie!.Value.OtherType, change.Tie.Value.OtherId));
            Assert.Equal([32], change.Tie.Value.Types);
        });
    }

    [Fact]
    public async Task A_timeline_is_the_feed_backwards_of_a_record_and_its_associations_whatever_the_size_of_its_pages()
    {
        var random = new Random(11);
        List<(ObjectType Type, long Id)> records = [];
        foreach (var type in (ObjectType[])[Tickets.Type, Tickets.Type, Tickets.Type, Contacts.Type, Contacts.Type, Companies.Type])
        {
            records.Add((type, await CreateOfAsync(type)));
        }

        for (var step = 0; step < 80; step++)
        {
            var (one, other) = (records[random.Next(records.Count)], records[random.Next(records.Count)]);
            if (one != other)
            {
                await ApplyAsync(random.Next(3) == 0 ? TieKind.Dissociate : TieKind.Associate, one.Type, other.Type, new TieInput(one.Id, other.Id, []));
            }
            else if (one.Type == Tickets.Type)
            {
                await ApplyAsync(WriteKind.Update, ById(one.Id, ("subject", $"{step}")));
            }
        }

        records.Add((Tickets.Type, (await ApplyAsync(WriteKind.Merge, ById(records[0].Id), ById(records[1].Id))).Results[0].Record!.Id));
        await ApplyAsync(WriteKind.Purge, ById(records[2].Id));
        await CloseAsync();
        Store = await OpenAsync();
        var feed = await Store.FeedAsync(0, 1_000, int.MaxValue, Cancellation);
        foreach (var (type, id) in records)
        {
            var expected = feed.Where(change => (change.Type, change.RecordId) == (type.Number, id) || (change.Tie is var (otherType, otherId, _) && (otherType, otherId) == (type.Number, id))).Reverse().ToList();
            Assert.Contains(expected, change => change.Kind.IsTie());
            foreach (var limit in (int[])[1, 3, expected.Count - 1, expected.Count])
            {
                var found = new List<Change>();
                TimelinePage page;
                TimelinePlace? after = null;
                do
                {
                    page = (await Store.TimelineAsync(type, id, after, limit, Cancellation))!;
                    Assert.True(page.Changes.Length == limit || page.Next is null);
                    found.AddRange(page.Changes);
                    after = page.Next;
                }
                while (after is not null);
                Assert.Equal(expected.Select(Shown), found.Select(Shown));
            }
        }

        foreach (var nobody in (long[])[-1, 0, 1, records.Max(record => record.Id) + 1_000, long.MaxValue])
        {
            Assert.Null(await Store.TimelineAsync(Tickets.Type, nobody, null, 10, Cancellation));
        }

        static string Shown(Change change) => $"{change.Sequence} {change.Kind} {change.Time} {change.Source} {string.Join(',', change.Related)} {change.Tie?.OtherId} {string.Join(',', change.Tie?.Types ?? [])} "
            + string.Join(' ', change.Values.Select(value => $"{value.Number}:{value.Before?.Length}>{value.After.Length}"));
    }

    [Fact]
    public async Task Associations_of_the_past_are_what_they_were_with_the_records_that_were_active_then()
    {
        var random = new Random(7);
        List<(ObjectType Type, long Id)> records = [];
        for (var at = 0; at < 9; at++)
        {
            var type = at < 5 ? Tickets.Type : Contacts.Type;
            records.Add((type, await CreateOfAsync(type)));
        }

        var (begun, past) = (Instant.Now(Clock), new List<(long Time, string Ties)>());
        for (var step = 0; step < 60; step++)
        {
            Clock.Advance(TimeSpan.FromMinutes(1));
            var (one, other) = (records[random.Next(records.Count)], records[random.Next(records.Count)]);
            if (step == 40)
            {
                records.Add((Tickets.Type, (await ApplyAsync(WriteKind.Merge, ById(records[0].Id), ById(records[1].Id))).Results[0].Record!.Id));
            }
            else if (one != other)
            {
                await ApplyAsync(random.Next(3) == 0 ? TieKind.Dissociate : TieKind.Associate, one.Type, other.Type, new TieInput(one.Id, other.Id, []));
            }
            else if (one.Type == Tickets.Type && records.IndexOf(one) > 1)
            {
                await ApplyAsync(await FindAsync(one.Id) is null ? WriteKind.Restore : WriteKind.Archive, ById(one.Id));
            }

            Clock.Advance(TimeSpan.FromMinutes(1));
            past.Add((Instant.Now(Clock), await AllAsync(null)));
        }

        Assert.True(past.Select(then => then.Ties).Distinct().Count() > 20);
        foreach (var (time, ties) in past)
        {
            Assert.Equal(ties, await AllAsync(time));
        }

        Assert.Equal("", await AllAsync(begun - 1));

        // Pages of two are the same.
        async Task<string> AllAsync(long? asOf)
        {
            var all = new List<string>();
            foreach (var (from, id) in records)
            {
                if (asOf is null && from == Tickets.Type && await FindAsync(id) is null)
                {
                    continue; // archived: its own lists are asked for as if it were active
                }

                foreach (var to in (ObjectType[])[Tickets.Type, Contacts.Type])
                {
                    for (var (after, isLast) = (0L, false); !isLast;)
                    {
                        var page = (await ReadAsync(snapshot => snapshot.TiesAsync(from, [(id, after)], Store.Schema.Associations.Between(from.Number, to.Number), 2, asOf)))[0];
                        Assert.True(page.IsLast || page.Ties.Length == 2);
                        all.AddRange(page.Ties.Select(tie => $"{id}-{tie.Id}:{string.Join(',', tie.Types)}"));
                        (after, isLast) = (page.Ties is [.., var last] ? last.Id : 0, page.IsLast);
                    }
                }
            }

            return string.Join(' ', all);
        }
    }

    [Fact]
    public async Task The_first_company_is_the_primary_one_until_another_becomes_it()
    {
        var (contact, first, second) = (await CreateOfAsync(Contacts.Type), await CreateOfAsync(Companies.Type), await CreateOfAsync(Companies.Type));
        Assert.Equal("1,279", await TieAsync(TieKind.Associate, Contacts.Type, contact, Companies.Type, first));
        Assert.Equal("279", await TieAsync(TieKind.Associate, Contacts.Type, contact, Companies.Type, second));
        Assert.Equal("1,279", await TieAsync(TieKind.Label, Contacts.Type, contact, Companies.Type, second, 1));
        Assert.Equal([(first, "279"), (second, "279,1")], await TiesAsync(Contacts.Type, contact, Companies.Type));
        Assert.Equal([(contact, "280")], await TiesAsync(Companies.Type, first, Contacts.Type));
        // From the company's side.
        Assert.Equal("2,280", await TieAsync(TieKind.Label, Companies.Type, first, Contacts.Type, contact, 2));
        Assert.Equal([(first, "279,1"), (second, "279")], await TiesAsync(Contacts.Type, contact, Companies.Type));
        Assert.Equal("280", await TieAsync(TieKind.Unlabel, Companies.Type, first, Contacts.Type, contact, 2));
        Assert.Equal([(first, "279"), (second, "279")], await TiesAsync(Contacts.Type, contact, Companies.Type));
        Assert.Equal("", await TieAsync(TieKind.Unlabel, Contacts.Type, contact, Companies.Type, second, 279));
        Assert.Equal([(first, "279")], await TiesAsync(Contacts.Type, contact, Companies.Type));
    }

    [Fact]
    public async Task Records_that_are_missing_or_the_same_are_not_associated()
    {
        var contact = await CreateOfAsync(Contacts.Type);
        foreach (var (from, to, subCategory) in ((long, long, string?)[])[(7, contact, "crm.associations.FROM_OBJECT_NOT_FOUND"), (contact, 7, "crm.associations.TO_OBJECT_NOT_FOUND"), (contact, contact, null)])
        {
            var result = Assert.Single((await ApplyAsync(TieKind.Associate, Contacts.Type, Contacts.Type, new TieInput(from, to, []))).Results);
            Assert.Equal(subCategory, result.Error!.SubCategory);
        }

        Assert.Empty(await TiesAsync(Contacts.Type, contact, Contacts.Type));
    }

    [Fact]
    public async Task Pages_of_associations_are_in_order_and_without_gaps()
    {
        var company = await CreateOfAsync(Companies.Type);
        var contacts = new List<long>();
        for (var i = 0; i < 25; i++)
        {
            contacts.Add(await CreateOfAsync(Contacts.Type));
        }

        var plan = await ApplyAsync(TieKind.Associate, Companies.Type, Contacts.Type, [.. contacts.AsEnumerable().Reverse().Select(contact => new TieInput(company, contact, []))]);
        Assert.All(plan.Results, result => Assert.Equal([2, 280], result.Types.Select(type => type >> 1)));
        await ApplyAsync(TieKind.Unlabel, Companies.Type, Contacts.Type, [.. contacts.Where((_, at) => at % 3 > 0).Select(contact => new TieInput(company, contact, [TypeOf(Companies.Type, Contacts.Type, 2)]))]);
        var seen = new List<long>();
        for (var page = await PageAsync(0); ; page = await PageAsync(seen[^1]))
        {
            seen.AddRange(page.Ties.Select(tie => tie.Id));
            Assert.True(page.IsLast || page.Ties.Length == 4);
            if (page.IsLast)
            {
                break;
            }
        }

        Assert.Equal(contacts, seen);

        async Task<TiePage> PageAsync(long after) =>
            (await ReadAsync(snapshot => snapshot.TiesAsync(Companies.Type, [(company, after)], Store.Schema.Associations.Between(2, 1), 4)))[0];
    }

    [Fact]
    public async Task An_archived_record_hides_its_associations_until_it_is_restored()
    {
        var (ticket, other, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact);
        await TieAsync(TieKind.Associate, Tickets.Type, other, Contacts.Type, contact);
        await ApplyAsync(WriteKind.Archive, ById(ticket));
        Assert.Equal([(other, "15")], await TiesAsync(Contacts.Type, contact, Tickets.Type));
        await ApplyAsync(WriteKind.Restore, ById(ticket));
        Assert.Equal([(ticket, "15"), (other, "15")], await TiesAsync(Contacts.Type, contact, Tickets.Type));
    }

    [Fact]
    public async Task A_merged_record_has_the_associations_of_both_once_and_the_primary_ones_of_the_first()
    {
        var (primary, other) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Tickets.Type));
        var (contact, shared, first, second) = (await CreateOfAsync(Contacts.Type), await CreateOfAsync(Contacts.Type), await CreateOfAsync(Companies.Type), await CreateOfAsync(Companies.Type));
        foreach (var (ticket, person) in ((long, long)[])[(primary, shared), (other, shared), (other, contact)])
        {
            await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, person);
        }

        await TieAsync(TieKind.Associate, Tickets.Type, primary, Companies.Type, first);
        await TieAsync(TieKind.Associate, Tickets.Type, other, Companies.Type, second);
        await TieAsync(TieKind.Associate, Tickets.Type, primary, Tickets.Type, other);
        var merged = (await ApplyAsync(WriteKind.Merge, ById(primary), ById(other))).Results[0].Record!.Id;
        Assert.Equal([(contact, "16"), (shared, "16")], await TiesAsync(Tickets.Type, merged, Contacts.Type));
        Assert.Equal([(first, "339,26"), (second, "339")], await TiesAsync(Tickets.Type, merged, Companies.Type));
        Assert.Empty(await TiesAsync(Tickets.Type, merged, Tickets.Type));
        Assert.Empty(await TiesAsync(Tickets.Type, other, Contacts.Type));
        Assert.Equal([(merged, "15")], await TiesAsync(Contacts.Type, shared, Tickets.Type));
    }

    [Fact]
    public async Task A_record_that_is_permanently_deleted_leaves_no_association()
    {
        var (ticket, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact);
        await TieAsync(TieKind.Dissociate, Tickets.Type, ticket, Contacts.Type, contact);
        await TieAsync(TieKind.Associate, Tickets.Type, ticket, Contacts.Type, contact);
        await ApplyAsync(WriteKind.Purge, ById(ticket));
        Assert.Empty(await TiesAsync(Contacts.Type, contact, Tickets.Type));
    }

    [Fact]
    public async Task A_record_is_created_with_its_associations_or_not_at_all()
    {
        var contact = await CreateOfAsync(Contacts.Type);
        var tied = Input(("hs_pipeline_stage", "1"), ("ext_a", "tied"));
        tied.Ties = [new RawTie(contact.ToString(), null, [("HUBSPOT_DEFINED", 16)])];
        var created = (await ApplyAsync(WriteKind.Create, tied)).Results[0].Record!.Id;
        Assert.Equal([(contact, "16")], await TiesAsync(Tickets.Type, created, Contacts.Type));

        var before = Store.Sequence;
        var broken = Input(("hs_pipeline_stage", "1"), ("ext_a", "broken"));
        broken.Ties = [new RawTie("7", null, [("HUBSPOT_DEFINED", 16)])];
        var outcome = await ApplyAsync(WriteKind.Create, broken);
        Assert.True(outcome.Refused);
        Assert.Equal(FaultKind.Association, Assert.Single(outcome.Faults).Kind);
        Assert.Equal(before, Store.Sequence);
        Assert.Null(await FindAsync("ext_a", "broken"));
    }

    [Fact]
    public async Task Inputs_of_a_batch_see_what_earlier_ones_did()
    {
        var (contact, first, second, third) = (await CreateOfAsync(Contacts.Type), await CreateOfAsync(Companies.Type), await CreateOfAsync(Companies.Type), await CreateOfAsync(Companies.Type));
        var primary = TypeOf(Contacts.Type, Companies.Type, 1);
        await ApplyAsync(TieKind.Label, Contacts.Type, Companies.Type, new(contact, first, [primary]), new(contact, second, [primary]), new(contact, first, []), new(contact, third, [primary]), new(contact, first, [primary]));
        Assert.Equal([(first, "279,1"), (second, "279"), (third, "279")], await TiesAsync(Contacts.Type, contact, Companies.Type));

        var (one, two) = (await CreateOfAsync(Contacts.Type), await CreateOfAsync(Contacts.Type));
        var before = Store.Sequence;
        await ApplyAsync(TieKind.Associate, Contacts.Type, Contacts.Type, new TieInput(one, two, []), new TieInput(two, one, []));
        Assert.Equal(before + 1, Store.Sequence);
        Assert.Equal([(two, "449")], await TiesAsync(Contacts.Type, one, Contacts.Type));
        Assert.Equal([(one, "449")], await TiesAsync(Contacts.Type, two, Contacts.Type));

        // From either side it is the same pair, also for the third input.
        await TieAsync(TieKind.Label, Companies.Type, first, Companies.Type, second, 13, 14);
        before = Store.Sequence;
        var (child, parent) = (TypeOf(Companies.Type, Companies.Type, 13), TypeOf(Companies.Type, Companies.Type, 14));
        await ApplyAsync(TieKind.Unlabel, Companies.Type, Companies.Type, new(first, second, [parent]), new(second, first, [parent]), new(first, second, [child]));
        Assert.Equal(2, (await Store.FeedAsync(before, 10, 1_000, Cancellation)).Count(change => change.Kind == ChangeKind.Dissociate));
    }

    [Fact]
    public async Task A_label_is_known_after_a_restart_and_its_id_is_never_used_again()
    {
        var (ticket, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        await DefineAsync("boss", "Boss", "Report");
        Assert.Equal("1,16", await TieAsync(TieKind.Label, Tickets.Type, ticket, Contacts.Type, contact, 1));
        Assert.Equal([(ticket, "15,2")], await TiesAsync(Contacts.Type, contact, Tickets.Type));

        await CloseAsync();
        Store = await OpenAsync();
        Assert.Equal(["Boss", "Report"], Store.Schema.Labels.SelectMany(definition => definition.Types).Select(type => type.Label));
        Assert.Equal([(contact, "16,1")], await TiesAsync(Tickets.Type, ticket, Contacts.Type));

        await DeleteAsync(1);
        await CloseAsync();
        Store = await OpenAsync();
        Assert.Equal([(contact, "16")], await TiesAsync(Tickets.Type, ticket, Contacts.Type));
        await DefineAsync("boss", "Boss", "Report");
        Assert.Equal(3, Store.Schema.Labels[^1].Id);
        Assert.Equal([(contact, "16")], await TiesAsync(Tickets.Type, ticket, Contacts.Type));
    }

    [Fact]
    public async Task A_deleted_label_ends_with_a_change_for_each_association_however_many_there_are()
    {
        const int Many = 2_001;
        var contact = await CreateOfAsync(Contacts.Type);
        var tickets = new List<long>();
        while (tickets.Count < Many)
        {
            var batch = Validation.Check(WriteKind.Create, [.. Enumerable.Range(0, Math.Min(100, Many - tickets.Count)).Select(_ => Input(("hs_pipeline_stage", "1")))], Store.Schema.Of(Tickets.Type), Schemata.Caller);
            tickets.AddRange((await Store.ApplyAsync(batch)).Results.Select(result => result.Record!.Id));
        }

        await DefineAsync("boss", "Boss", "Report");
        await ApplyAsync(TieKind.Label, Tickets.Type, Contacts.Type, [.. tickets.Select(ticket => new TieInput(ticket, contact, [TypeOf(Tickets.Type, Contacts.Type, 1)]))]);
        var before = Store.Sequence;
        await DeleteAsync(2);
        Assert.Equal(before + Many, Store.Sequence);
        var page = (await ReadAsync(snapshot => snapshot.TiesAsync(Contacts.Type, [(contact, 0)], Store.Schema.Associations.Between(1, 5), Many)))[0];
        Assert.Equal(Many, page.Ties.Count(tie => tie.Types is [30])); // the plain type, 15
        Assert.Null(Store.Schema.Associations.Find(3));
    }

    [Fact]
    public async Task A_batch_that_was_read_before_a_label_was_deleted_doesnt_write_it()
    {
        var (ticket, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        await DefineAsync("boss", "Boss", "Report");
        var types = Store.Schema.Associations.Between(5, 1);
        await DeleteAsync(1);
        var plan = await Store.ApplyAsync(new TieBatch
        {
            Kind = TieKind.Label,
            Caller = Schemata.Caller,
            From = Tickets.Type,
            To = Contacts.Type,
            Types = types,
            Inputs = [new(ticket, contact, [types.Single(type => type.Label == "Boss")])],
        });
        Assert.Equal("One or more associations are invalid", plan.Results[0].Error!.Message);
        Assert.Empty(await TiesAsync(Tickets.Type, ticket, Contacts.Type));
    }

    [Fact]
    public async Task A_limit_of_an_association_type_holds_in_its_direction_also_after_a_restart()
    {
        var (first, second, contact) = (await CreateOfAsync(Tickets.Type), await CreateOfAsync(Tickets.Type), await CreateOfAsync(Contacts.Type));
        await LimitAsync(TypeOf(Contacts.Type, Tickets.Type, 15), 1);
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, first, Contacts.Type, contact));
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, first, Contacts.Type, contact));
        await CloseAsync();
        Store = await OpenAsync();
        await RefusedAsync(Tickets.Type, second, Contacts.Type, contact);
        await RefusedAsync(Contacts.Type, contact, Tickets.Type, second);

        // Within a batch too, and the other direction has none.
        var other = await CreateOfAsync(Contacts.Type);
        var results = (await ApplyAsync(TieKind.Associate, Tickets.Type, Contacts.Type, new TieInput(first, other, []), new TieInput(second, other, []))).Results;
        Assert.Equal([false, true], results.Select(result => result.Error is not null));
        Assert.Equal(["16", "16"], (await TiesAsync(Tickets.Type, first, Contacts.Type)).Select(tie => tie.Item2));

        // An archived record makes room, and so does the end of an association.
        await ApplyAsync(WriteKind.Archive, ById(first));
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, second, Contacts.Type, contact));
        await TieAsync(TieKind.Dissociate, Tickets.Type, second, Contacts.Type, contact);
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, second, Contacts.Type, contact));

        await LimitAsync(TypeOf(Contacts.Type, Tickets.Type, 15), null);
        Assert.Equal("16", await TieAsync(TieKind.Associate, Tickets.Type, await CreateOfAsync(Tickets.Type), Contacts.Type, contact));
        await CloseAsync();
        Store = await OpenAsync();
        Assert.Empty(Store.Schema.Limits);

        async Task RefusedAsync(ObjectType from, long fromId, ObjectType to, long toId) =>
            Assert.Equal("crm.associations.ASSOCIATION_LIMIT_EXCEEDED", Assert.Single((await ApplyAsync(TieKind.Associate, from, to, new TieInput(fromId, toId, []))).Results).Error!.SubCategory);
    }

    [Fact]
    public async Task A_limit_lets_a_primary_company_be_replaced_and_ends_when_it_is_full()
    {
        var (first, second, contact, other) = (await CreateOfAsync(Companies.Type), await CreateOfAsync(Companies.Type), await CreateOfAsync(Contacts.Type), await CreateOfAsync(Contacts.Type));
        await LimitAsync(TypeOf(Contacts.Type, Companies.Type, 1), 1);
        await LimitAsync(TypeOf(Companies.Type, Contacts.Type, 2), 1);
        await TieAsync(TieKind.Associate, Contacts.Type, contact, Companies.Type, first);
        Assert.Equal("1,279", await TieAsync(TieKind.Label, Contacts.Type, contact, Companies.Type, second, 1));
        // The first company has no primary contact any more, and can get one.
        Assert.Equal("1,279", await TieAsync(TieKind.Associate, Contacts.Type, other, Companies.Type, first));
        Assert.NotNull((await ApplyAsync(TieKind.Label, Contacts.Type, Companies.Type, new TieInput(contact, first, [TypeOf(Contacts.Type, Companies.Type, 1)]))).Results[0].Error);
        Assert.Equal([(first, "279"), (second, "279,1")], await TiesAsync(Contacts.Type, contact, Companies.Type));
    }

    [Fact]
    public async Task A_record_with_more_associations_than_a_limit_allows_is_not_created()
    {
        var (one, two, three) = (await CreateOfAsync(Contacts.Type), await CreateOfAsync(Contacts.Type), await CreateOfAsync(Contacts.Type));
        await LimitAsync(TypeOf(Tickets.Type, Contacts.Type, 16), 2);
        await LimitAsync(TypeOf(Contacts.Type, Tickets.Type, 15), 1);
        Assert.NotNull((await ApplyAsync(WriteKind.Create, Tied(one, two))).Results[0].Record);

        var before = Store.Sequence;
        foreach (var inputs in (RecordInput[][])[[Tied(three, one)], [Tied(three), Tied(three)]])
        {
            var outcome = await ApplyAsync(WriteKind.Create, inputs);
            Assert.True(outcome.Refused);
            Assert.Equal(FaultKind.Association, Assert.Single(outcome.Faults).Kind);
            Assert.Equal(before, Store.Sequence);
        }

        Assert.NotNull((await ApplyAsync(WriteKind.Create, Tied(three))).Results[0].Record);

        RecordInput Tied(params long[] contacts)
        {
            var input = Input(("hs_pipeline_stage", "1"));
            input.Ties = [.. contacts.Select(contact => new RawTie(contact.ToString(), null, [("HUBSPOT_DEFINED", 16)]))];
            return input;
        }
    }

    Task LimitAsync(AssociationType type, int? most) =>
        Store.ChangeTypesAsync(portal => portal.With(most is { } limit ? portal.Limits.SetItem(type.Number, limit) : portal.Limits.Remove(type.Number)), Schemata.Caller);

    // From tickets to contacts.
    Task DefineAsync(string name, string label, string inverse) => Store.ChangeTypesAsync(
        portal => portal.With(portal.Labels.Add(new("0-5", "0-1", name, portal.LastAssociation + 1, portal.LastAssociation + 2, 1) { Label = label, InverseLabel = inverse })), Schemata.Caller);

    Task DeleteAsync(int id) => Store.ChangeTypesAsync(portal => portal.Without(portal.Defined.Single(definition => definition.Id == id || definition.InverseId == id), 2), Schemata.Caller);

    [Fact]
    public async Task Tickets_beyond_the_first_hundred_follow_their_contact_later_whatever_stops_the_store()
    {
        var (contact, tickets) = await CreateBusyContactAsync(450);
        await UpdateAsync(Contacts.Type, contact, "firstname", "Ann");
        Assert.Equal("Ann", Value((await FindAsync(tickets[99]))!, "hs_all_associated_contact_firstnames"));
        await CloseAsync();
        Store = await OpenAsync();
        await ShowAsync(tickets, "Ann");

        // Another value in between begins again.
        await UpdateAsync(Contacts.Type, contact, "firstname", "Anne");
        await UpdateAsync(Contacts.Type, contact, "firstname", "Anna");
        await ShowAsync(tickets, "Anna");
        await Store.ApplyAsync(Validation.Check(WriteKind.Archive, [ById(contact)], Store.Schema.Of(Contacts.Type), Schemata.Caller));
        await ShowAsync(tickets, "");
        await Store.ApplyAsync(Validation.Check(WriteKind.Restore, [ById(contact)], Store.Schema.Of(Contacts.Type), Schemata.Caller));
        await ShowAsync(tickets, "Anna");
    }

    private protected async Task<(long Contact, List<long> Tickets)> CreateBusyContactAsync(int count)
    {
        var (contact, tickets) = (await CreateOfAsync(Contacts.Type), new List<long>());
        while (tickets.Count < count)
        {
            tickets.AddRange((await ApplyAsync(WriteKind.Create, [.. Enumerable.Range(0, Math.Min(100, count - tickets.Count)).Select(_ => Input(("hs_pipeline_stage", "1")))])).Results.Select(result => result.Record!.Id));
        }

        await ApplyAsync(TieKind.Associate, Tickets.Type, Contacts.Type, [.. tickets.Select(ticket => new TieInput(ticket, contact, []))]);
        return (contact, tickets);
    }

    private protected async Task UpdateAsync(ObjectType type, long id, string name, string value) =>
        Assert.Empty((await Store.ApplyAsync(Validation.Check(WriteKind.Update, [ById(id, (name, value))], Store.Schema.Of(type), Schemata.Caller))).Faults);

    // Until all tickets show the first name of their contact.
    private protected async Task ShowAsync(List<long> tickets, string name)
    {
        foreach (var ticket in tickets)
        {
            while (Value((await FindAsync(ticket))!, "hs_all_associated_contact_firstnames") != name)
            {
                await Task.Delay(5, Cancellation);
            }
        }
    }

    async Task<long> CreateOfAsync(ObjectType type)
    {
        var input = type == Tickets.Type ? Input(("hs_pipeline_stage", "1")) : new RecordInput();
        var outcome = await Store.ApplyAsync(Validation.Check(WriteKind.Create, [input], Store.Schema.Of(type), Schemata.Caller));
        return outcome.Results[0].Record!.Id;
    }

    AssociationType TypeOf(ObjectType from, ObjectType to, int id) => Store.Schema.Associations.Between(from.Number, to.Number).Single(type => type.Id == id);

    Task<TiePlan> ApplyAsync(TieKind kind, ObjectType from, ObjectType to, params ImmutableArray<TieInput> inputs) => Store.ApplyAsync(new TieBatch
    {
        Kind = kind,
        Caller = Schemata.Caller,
        From = from,
        To = to,
        Types = Store.Schema.Associations.Between(from.Number, to.Number),
        Inputs = inputs,
    });

    // The ids of the types afterwards.
    async Task<string> TieAsync(TieKind kind, ObjectType from, long fromId, ObjectType to, long toId, params int[] types)
    {
        var plan = await ApplyAsync(kind, from, to, new TieInput(fromId, toId, [.. types.Select(type => TypeOf(from, to, type))]));
        Assert.Null(plan.Results[0].Error);
        return string.Join(',', plan.Results[0].Types.Select(type => type >> 1));
    }

    async Task<(long, string)[]> TiesAsync(ObjectType from, long id, ObjectType to)
    {
        var page = (await ReadAsync(snapshot => snapshot.TiesAsync(from, [(id, 0)], Store.Schema.Associations.Between(from.Number, to.Number), 100)))[0];
        Assert.True(page.IsLast);
        return [.. page.Ties.Select(tie => (tie.Id, string.Join(',', tie.Types.Select(type => type >> 1))))];
    }

    static RecordInput ById(long id) => new() { Id = System.Text.Encoding.UTF8.GetBytes(id.ToString()) };
}
