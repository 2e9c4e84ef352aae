namespace Docket.Model;

/// <summary>The test kit: portals that tests create, what tests expect of their calls, and the faults that calls meet.</summary>
internal static partial class Faults
{
    public static Error TokenTaken() => new(409, "Another app has this token.", "OBJECT_ALREADY_EXISTS");

    public static Error PortalBusy(long portal) => new(409, $"Portal {portal} is in use. Take the snapshot while no request to it is in progress.", Validation);

    public static Error BeginningUnknown() => new(400, "The portal existed when the server started, so its beginning is unknown. Rewind it to a snapshot.", Validation);

    public static Error SnapshotUnknown(string id) => new(400, $"There is no snapshot {Shorten(id)}.", Validation);

    public static Error NoSnapshots() => new(400, "There are no snapshots of portals in PostgreSQL. Start a server without --store.", Validation);

    /// <summary>An error of an entry of a seed file.</summary>
    public static Error InSeed(Error error, string place) => error with { Message = $"{place}: {error.Message}" };

    public static Error SeedNameTaken(string name) => new(400, $"Another record is called \"{Shorten(name)}\".", Validation);

    public static Error SeedNameUnknown(string name) => new(400, $"No record is called \"{Shorten(name)}\".", Validation);

    public static Error SeedOwnerUnknown(string email) => new(400, $"No user has the address \"{Shorten(email)}\".", Validation);

    public static Error SeedLabelUnknown(string? label, string from, string to) =>
        new(400, label is null ? $"There are no associations from {from} to {to}." : $"There is no label \"{Shorten(label)}\" from {from} to {to}.", Validation);

    public static Error FirstPortal() => new(400, "The first portal can't be deleted: the server's own token belongs to it.", Validation);

    public static Error BeforeNewestChange(long time) => new(400, $"The newest change of the portal is of {Instant.ToText(time)}. Its clock can't show an earlier time.", Validation);

    public static Error TooManyFaults(int max) => new(400, $"A portal can have {max} faults. Delete some first.", Validation);

    /// <summary>reference/objects-and-batch.md 3.4.</summary>
    public static Error InjectedConflict(ObjectType type) => new(409, $"{char.ToUpperInvariant(type.Singular[0])}{type.Singular[1..]} already exists", "CONFLICT");

    /// <summary>reference/auth-limits-webhooks-imports.md 1.9 [decide].</summary>
    public static Error InjectedLock() => new(423, "This resource is currently locked. Try again in a moment.", "RESOURCE_LOCKED");

    /// <summary>reference/auth-limits-webhooks-imports.md 1.9 [decide].</summary>
    public static Error InjectedMigration() => new(477, "This account is being moved to another data center.", "MIGRATION_IN_PROGRESS") { Headers = [("Retry-After", "60")] };

    /// <param name="times">How many calls were expected.</param>
    /// <param name="match">Which.</param>
    /// <param name="found">How many of them there are.</param>
    /// <param name="all">How many calls are in the log.</param>
    /// <param name="dropped">How many no longer are.</param>
    /// <param name="calls">The calls that are too many, or the most similar ones with what is different.</param>
    public static Error Unexpected(string times, string match, int found, int all, long dropped, IEnumerable<string> calls) =>
        new(417, $"Expected {times} that {(times.EndsWith(" call", StringComparison.Ordinal) ? "matches" : "match")} {match}, found {found} among the {all} in the log.{(dropped > 0 ? $" {dropped} older calls are no longer in the log." : "")}", "EXPECTATION_FAILED")
        {
            Errors = [.. calls.Select(call => new ErrorDetail(call))],
        };
}
