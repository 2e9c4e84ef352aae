using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;

namespace Docket.Tests.Model;

/// <summary>Numbers of object types, which are stored in keys and must never change.</summary>
public class TypeNumberTests
{
    [Theory]
    [InlineData("0-1", 1)]
    [InlineData("0-5", 5)]
    [InlineData("0-8191", 8_191)]
    [InlineData("2-1", 8_193)]
    [InlineData("2-8191", 16_383)]
    public void An_id_has_a_number_and_a_number_an_id(string id, int number)
    {
        Assert.Equal(number, TypeNumber.Parse(id));
        Assert.Equal(id, TypeNumber.Format(number));
        foreach (var archived in (bool[])[false, true])
        {
            var key = RecordKey.Of(number, RecordKey.IdMax, archived);
            Assert.True(key > 0);
            Assert.Equal((number, RecordKey.IdMax), (RecordKey.TypeOf(key), RecordKey.IdOf(key)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("0-")]
    [InlineData("0-0")]
    [InlineData("0-05")]
    [InlineData("0-8192")]
    [InlineData("2-0")]
    [InlineData("2-8192")]
    [InlineData("2-99999999999")]
    [InlineData("1-5")]
    [InlineData("0--5")]
    [InlineData("0-+5")]
    [InlineData("0- 5")]
    [InlineData("0-5a")]
    [InlineData("tickets")]
    public void What_is_no_id_or_does_not_fit_is_refused(string id)
    {
        Assert.Null(TypeNumber.Parse(id));
        Assert.Throws<ArgumentException>(() => Tickets.Type with { Id = id });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(8_192)]
    [InlineData(16_384)]
    public void A_number_that_no_type_has_is_refused(int number) => Assert.Throws<ArgumentOutOfRangeException>(() => TypeNumber.Format(number));

    [Fact]
    public void A_type_has_the_number_of_its_id() =>
        Assert.Equal((5, 8_199), (Tickets.Type.Number, (Tickets.Type with { Id = "2-7" }).Number));
}
