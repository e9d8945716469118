namespace AgentRuntime.Policies.Cedar.Tests.Syntax;

public sealed class DiagnosticTests
{
    [Fact]
    public void Every_broken_policy_of_a_file_is_reported_with_its_place()
    {
        const string text = """
            permit(principal, action, resource) when { context.x = 1 };
            permit(principal, action, resource);
            forbid(principal, action, resource) when { contxt.x };
            """;

        Assert.False(CedarPolicySet.TryParse(text, out _, out var diagnostics, "a.cedar"));

        Assert.Equal(["a.cedar:1:54", "a.cedar:3:44"], diagnostics.Select(d => d.Position.ToString()));
        Assert.Contains("==", diagnostics[0].Suggestion, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("permit(principal, action == User::\"a\", resource);", "is not an action")]
    [InlineData("permit(principal == ?resource, action, resource);", "cannot stand here")]
    [InlineData("permit(principal, action, resource) when { ?principal == principal };", "slot")]
    [InlineData("@a(\"1\") @a(\"2\") permit(principal, action, resource);", "comes twice")]
    [InlineData("permit(principal, action, resource) when { 1 < 2 < 3 };", "do not chain")]
    [InlineData("permit(principal, action, resource) when { 9223372036854775808 > 0 };", "64 bits")]
    [InlineData("permit(principal, action, resource) when { \"\\q\" == \"\" };", "escape")]
    [InlineData("permit(principal, action, resource) when { {a: 1, \"a\": 2} == {} };", "comes twice")]
    [InlineData("permit(principal, action, resource) when { ipp(\"1\") };", "no function")]
    [InlineData("permit(principal, action, resource) when { };", "empty")]
    public void A_slip_is_named(string text, string message)
    {
        Assert.False(CedarPolicySet.TryParse(text, out _, out var diagnostics));
        Assert.Contains(message, Assert.Single(diagnostics).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_smallest_long_is_a_literal_but_its_negation_overflows()
    {
        var set = CedarPolicySet.Parse(
            "permit(principal, action, resource) when { -9223372036854775808 < 0 && - -9223372036854775808 > 0 };");

        var response =
            CedarAuthorizer.Authorize(set, CedarEntities.Empty, new(new("U", "u"), new("Action", "a"), new("R", "r")));

        Assert.Equal(CedarErrorKind.Overflow, Assert.Single(response.Errors).Kind);
    }
}
