using System.Text.RegularExpressions;

namespace Docket.Tests.Tidy;

/// <summary>
/// The walls between the rooms of the library. What a room may see is what the table of <c>docs/internals/architecture.md</c>
/// says, and what it sees is what the compiler sees.
/// </summary>
[Trait("Category", "Slow")] // compiles the library
public sealed partial class WallTests
{
    const string Page = "docs/internals/architecture.md";

    static readonly Dictionary<string, string[]> Rights = Rows().ToDictionary(row => row.Room, row => row.Sees);

    // Between two rooms. The files in the project folder connect them, and no room sees those.
    static readonly List<Arrow> Crossing = [.. House.Arrows.Where(arrow => House.RoomOf(arrow.From) != House.RoomOf(arrow.To) && House.RoomOf(arrow.From).Length > 0)];

    [Fact]
    public void The_table_has_each_room_once_and_no_other()
    {
        var rooms = House.Files.Select(House.RoomOf).Where(room => room.Length > 0).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(rooms, Rows().Select(row => row.Room).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_room_sees_what_the_table_lets_it_see() =>
        AssertNone(Crossing.Where(arrow => !Rights.GetValueOrDefault(House.RoomOf(arrow.From), []).Contains(House.RoomOf(arrow.To))));

    [Fact]
    public void The_table_gives_no_right_that_nobody_uses()
    {
        var used = Crossing.Select(arrow => (House.RoomOf(arrow.From), House.RoomOf(arrow.To))).ToHashSet();
        AssertNone(from room in Rights from seen in room.Value where !used.Contains((room.Key, seen)) select $"{room.Key} does not use {seen}");
    }

    [Fact]
    public void No_rooms_see_each_other_in_a_circle()
    {
        var left = House.Files.Select(House.RoomOf).Where(room => room.Length > 0).Distinct()
            .ToDictionary(room => room, room => Crossing.Where(arrow => House.RoomOf(arrow.From) == room).Select(arrow => House.RoomOf(arrow.To)).ToHashSet());
        // What sees nothing that is left is in no circle.
        while (left.FirstOrDefault(room => !room.Value.Overlaps(left.Keys)).Key is { } free)
        {
            left.Remove(free);
        }

        AssertNone(Crossing.Where(arrow => left.ContainsKey(House.RoomOf(arrow.From)) && left.ContainsKey(House.RoomOf(arrow.To))));
    }

    [Fact]
    public void No_room_is_more_than_a_fifth_of_the_house()
    {
        var lines = House.Files.ToLookup(House.RoomOf, file => House.TextOf(file).Count(character => character == '\n'));
        var all = lines.Sum(room => room.Sum());
        AssertNone(lines.Where(room => room.Sum() * 5 > all).Select(room => $"{room.Key} has {room.Sum()} of {all} lines"));
    }

    // In full: a list that Assert.Empty shows is cut short.
    static void AssertNone<T>(IEnumerable<T> complaints) => Assert.True(!complaints.Any(), string.Join('\n', complaints));

    static IEnumerable<(string Room, string[] Sees)> Rows() =>
        Row().Matches(File.ReadAllText(Path.Combine(House.Root, Page))).Select(row => (row.Groups[1].Value, row.Groups[2].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)));

    [GeneratedRegex(@"^\| `([A-Z][\w/]*)/` \|[^|]*\|([^|]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
