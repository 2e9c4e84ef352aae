using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Writes;

/// <summary>Decides a batch of associations. Pure, like <see cref="Planner"/>; each input sees the effects of the earlier ones.</summary>
internal sealed class TiePlanner
{
    readonly TieBatch batch;
    readonly FoundTies found;
    readonly long now;
    readonly TiePlan plan;
    readonly (AssociationType Type, bool IsCompanys)? primary;
    readonly bool isLimited;

    // What earlier inputs have made of a pair of records, as seen from the first.
    readonly Dictionary<(long From, long To), ImmutableHashSet<int>> decided = [];
    long sequence;

    TiePlanner(TieBatch batch, FoundTies found, long now, long firstSequence)
    {
        this.batch = batch;
        this.found = found;
        this.now = now;
        sequence = firstSequence;
        primary = batch.Primary;
        isLimited = batch.IsLimited;
        plan = new(batch, new TieResult[batch.Inputs.Length], []);
    }

    /// <summary>Creates the plan.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="found">What the store found for it.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="firstSequence">The first free sequence number.</param>
    public static TiePlan Decide(TieBatch batch, FoundTies found, long now, long firstSequence)
    {
        var planner = new TiePlanner(batch, found, now, firstSequence);
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            planner.plan.Results[i] = planner.Decide(i, batch.Inputs[i]);
        }

        return planner.plan;
    }

    TieResult Decide(int index, in TieInput input)
    {
        var ends = batch.Kind is TieKind.Dissociate or TieKind.Unlabel;
        // What is not there needs no end (reference/properties-pipelines-search-associations.md 5.3).
        if (!ends)
        {
            if (!found.FromExists[index])
            {
                return new([], Faults.TieEndMissing(batch.From, input.From, isFrom: true));
            }

            if (!found.ToExists[index])
            {
                return new([], Faults.TieEndMissing(batch.To, input.To, isFrom: false));
            }

            if (input.From == input.To && batch.From.Number == batch.To.Number)
            {
                return new([], Faults.TieWithItself(input.From));
            }

            if (input.Types.Except(batch.Types).ToImmutableArray() is { IsEmpty: false } deleted)
            {
                return new([], Faults.TieTypesGone([.. deleted.Select(type => AssociationType.Spell(type.Category, type.Id))]));
            }
        }

        var before = Known(index, input);
        var after = ends ? Less(before, input) : More(before, input);
        if (!ends)
        {
            if (Beyond(input, after.Except(before)) is { } error)
            {
                return new([], error);
            }

            MoveCompany(input, after);
        }

        Write(ChangeKind.Dissociate, input, before.Except(after), isHidden: !found.FromExists[index] || !found.ToExists[index]);
        Write(ChangeKind.Associate, input, after.Except(before));
        decided[(input.From, input.To)] = after;
        if (batch.From.Number == batch.To.Number)
        {
            decided.Remove((input.To, input.From)); // the same pair
        }

        return new([.. after.Order()], null);
    }

    ImmutableHashSet<int> Known(int index, in TieInput input) =>
        decided.TryGetValue((input.From, input.To), out var known) ? known
        // The same pair from its other side.
        : batch.From.Number == batch.To.Number && decided.TryGetValue((input.To, input.From), out known) ? [.. known.Select(Inverse)]
        : [.. found.Types[index]];

    ImmutableHashSet<int> Less(ImmutableHashSet<int> before, in TieInput input)
    {
        var after = batch.Kind == TieKind.Dissociate || input.Types.Any(type => type.Label is null) ? [] : before.Except(input.Types.Select(type => type.Number));
        if (primary is var (type, isCompanys) && before.Contains(type.Number) && !after.Contains(type.Number))
        {
            found.Companies.Remove(isCompanys ? input.To : input.From);
        }

        return after;
    }

    // A labelled association brings the plain one along, and a record's first company becomes its primary one (5.3).
    ImmutableHashSet<int> More(ImmutableHashSet<int> before, in TieInput input)
    {
        var after = before.Union(input.Types.Select(type => type.Number));
        if (batch.Kind == TieKind.Label)
        {
            after = after.Except(batch.Types.Where(type => type is { Category: AssociationType.UserDefined, Label: not null }).Select(type => type.Number).Except(input.Types.Select(type => type.Number)));
        }

        if (batch.Plain is { } plain)
        {
            after = after.Add(plain.Number);
        }

        return primary is var (first, isCompanys) && !found.Companies.ContainsKey(isCompanys ? input.To : input.From) ? after.Add(first.Number) : after;
    }

    void MoveCompany(in TieInput input, ImmutableHashSet<int> after)
    {
        if (primary is not var (first, isCompanys) || !after.Contains(first.Number))
        {
            return;
        }

        var (owner, company) = isCompanys ? (input.To, input.From) : (input.From, input.To);
        if (found.Companies.TryGetValue(owner, out var old) && old != company)
        {
            Demote(first, isCompanys, owner, old);
        }

        found.Companies[owner] = company;
    }

    // Configured limits, in both directions (reference/objects-other-than-tickets.md 8.6).
    RowError? Beyond(in TieInput input, ImmutableHashSet<int> begun)
    {
        foreach (var type in batch.Types)
        {
            // A primary company takes the place of another one.
            var (isOwners, isCompanys) = primary is var (first, isOther) && first.Number == type.Number ? (!isOther, isOther) : (false, false);
            if (begun.Contains(type.Number) && !isOwners && type.Most is { } most && CountOf(input.From, type.Number) >= most)
            {
                return Faults.TooManyTies(batch.From, input.From, batch.To, AssociationType.Spell(type.Category, type.Id), most);
            }

            if (begun.Contains(type.Number) && !isCompanys && type.InverseMost is { } back && CountOf(input.To, type.Inverse) >= back)
            {
                return Faults.TooManyTies(batch.To, input.To, batch.From, AssociationType.Spell(type.Category, type.InverseId), back);
            }
        }

        return null;
    }

    long CountOf(long id, int type) => found.Counts.GetValueOrDefault((id, type));

    void Count(in TieInput input, ImmutableHashSet<int> types, int by)
    {
        foreach (var type in batch.Types.Where(type => types.Contains(type.Number)))
        {
            found.Counts[(input.From, type.Number)] = CountOf(input.From, type.Number) + by;
            found.Counts[(input.To, type.Inverse)] = CountOf(input.To, type.Inverse) + by;
        }
    }

    // The earlier primary company stays associated.
    void Demote(AssociationType first, bool isCompanys, long owner, long company)
    {
        var pair = isCompanys ? (From: company, To: owner) : (From: owner, To: company);
        Write(ChangeKind.Dissociate, new(pair.From, pair.To, []), [first.Number]);
        if (decided.TryGetValue(pair, out var types))
        {
            decided[pair] = types.Remove(first.Number);
        }
        else if (batch.Inputs.IndexOf(new TieInput(pair.From, pair.To, default), Pairs) is var later and >= 0)
        {
            decided[pair] = [.. found.Types[later].Where(type => type != first.Number)];
        }
    }

    void Write(ChangeKind kind, in TieInput input, ImmutableHashSet<int> types, bool isHidden = false)
    {
        if (!types.IsEmpty)
        {
            if (isLimited)
            {
                Count(input, types, kind == ChangeKind.Associate ? 1 : -1);
            }

            plan.Writes.Add(new(
                kind, sequence++, now, (batch.From.Number, input.From), (batch.To.Number, input.To),
                [.. types.Order().Select(number => batch.Types.First(type => type.Number == number))], isHidden));
        }
    }

    int Inverse(int number) => batch.Types.First(type => type.Number == number).Inverse;

    static readonly IEqualityComparer<TieInput> Pairs = EqualityComparer<TieInput>.Create((one, other) => one.From == other.From && one.To == other.To, input => HashCode.Combine(input.From, input.To));
}
