namespace AgentRuntime.Policies.Cedar.Tests.Validation;

public sealed class LevelTests
{
    private static readonly CedarSchema Schema = CedarSchema.Parse("""
        entity U = { name: String, manager: U, box: { who: U } } tags U;
        entity R = { owner: U };
        action a appliesTo { principal: U, resource: R, context: { who: U } };
        """);

    [Theory]
    [InlineData("context.who == principal", 0)]
    [InlineData("principal == resource.owner", 1)]
    [InlineData("principal.name == \"x\" && principal in U::\"g\"", 1)]
    [InlineData("resource.owner.name == \"x\"", 2)]
    [InlineData("context.who.manager.manager.name == \"x\"", 3)]
    [InlineData("principal.box.who.name == \"x\"", 2)]
    [InlineData("{a: principal, b: resource.owner.manager}.a.name == \"x\"", 2)]
    [InlineData("principal.hasTag(\"t\") && principal.getTag(\"t\").manager.name == \"x\"", 3)]
    [InlineData("(if context.who == principal then resource.owner else principal).name == \"x\"", 2)]
    public void A_policy_needs_as_many_levels_as_it_follows_references(string condition, int level)
    {
        var policies = CedarPolicySet.Parse($"permit(principal, action, resource) when {{ {condition} }};");

        Assert.True(CedarValidator.Validate(Schema, policies, maximumLevel: level).IsValid);
        if (level == 0) return;
        var result = CedarValidator.Validate(Schema, policies, maximumLevel: level - 1);
        Assert.Contains(result.Errors, e => e.Code == CedarValidationCodes.EntityDereferenceLevel);
    }

    [Fact]
    public void An_entity_literal_cannot_be_read_at_any_level()
    {
        var policies = CedarPolicySet.Parse("permit(principal, action, resource) when { U::\"x\".name == \"x\" };");

        Assert.Contains(
            CedarValidator.Validate(Schema, policies, maximumLevel: 9).Errors,
            e => e.Code == CedarValidationCodes.EntityDereferenceLevel);
    }
}
