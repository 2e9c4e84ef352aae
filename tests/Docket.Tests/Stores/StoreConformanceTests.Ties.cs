using System.Collections.Immutable;
using Docket.Model;
using Docket.Model.Types;
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
