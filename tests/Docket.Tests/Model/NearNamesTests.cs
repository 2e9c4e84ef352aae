using Docket.Model;

namespace Docket.Tests.Model;

public class NearNamesTests
{
    [Theory]
    [InlineData("subjcet", "subject")]
    [InlineData("Subject", "subject")]
    [InlineData("subjec", "subject")]
    [InlineData("hs_pipline_stage", "hs_pipeline_stage")]
    [InlineData("closeddate", "closed_date")]
    [InlineData("colour_of_the_sky", null)]
    [InlineData("x", null)]
    public void A_name_with_a_slip_or_two_is_found(string sent, string? meant) =>
        Assert.Equal(meant, NearNames.Find(sent, Schemata.Tickets.Properties.Select(property => property.Name)));
}
