namespace Docket.Model;

/// <summary>The test kit: portals that tests create.</summary>
internal static partial class Faults
{
    public static Error TokenTaken() => new(409, "Another app has this token.", "OBJECT_ALREADY_EXISTS");

    public static Error FirstPortal() => new(400, "The first portal can't be deleted: the server's own token belongs to it.", Validation);

    public static Error BeforeNewestChange(long time) => new(400, $"The newest change of the portal is of {Instant.ToText(time)}. Its clock can't show an earlier time.", Validation);
}
