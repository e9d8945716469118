namespace AgentRuntime.Policies.Cedar.Tests.Authorization;

public sealed class DecisionTests
{
    private static readonly EntityUid Alice = new("User", "alice");
    private static readonly EntityUid View = new("Action", "view");
    private static readonly EntityUid Photo = new("Photo", "1");

    [Fact]
    public void A_forbid_overrides_a_permit_and_is_the_only_reason()
    {
        var set = CedarPolicySet.Parse("""
            permit(principal == User::"alice", action, resource);
            @reason("no") forbid(principal, action, resource in Album::"private");
            """);
        var entities = CedarEntities.Create([new(Photo, parents: [new("Album", "private")])]);

        var response = CedarAuthorizer.Authorize(set, entities, new(Alice, View, Photo));

        Assert.Equal(CedarDecision.Deny, response.Decision);
        Assert.Equal("policy1", Assert.Single(response.Reasons).Id);
        Assert.Equal("no", response.Reasons[0].Annotations["reason"]);
    }

    [Fact]
    public void A_path_is_not_taken_for_a_name_that_looks_like_it()
    {
        var set = CedarPolicySet.Parse("""
            permit(principal, action, resource) when { context has a.b };
            forbid(principal, action, resource) when { context has "a\0b" };
            """);
        var path = CedarRecord.Create(("a", CedarValue.Record(CedarRecord.Create(("b", 1L)))));
        var name = CedarRecord.Create(("a\0b", 1L));

        Assert.Equal("policy0", Assert.Single(Ask(path).Reasons).Id);
        Assert.Equal("policy1", Assert.Single(Ask(name).Reasons).Id);

        CedarResponse Ask(CedarRecord context) =>
            CedarAuthorizer.Authorize(set, CedarEntities.Empty, new(Alice, View, Photo, context));
    }

    [Fact]
    public void An_error_in_a_forbid_is_reported_and_denies_when_failing_closed()
    {
        var set = CedarPolicySet.Parse("""
            permit(principal, action, resource);
            forbid(principal, action, resource) when { context.amount > 100 };
            """);

        var response = CedarAuthorizer.Authorize(set, CedarEntities.Empty, new(Alice, View, Photo));

        Assert.Equal(CedarDecision.Allow, response.Decision);
        Assert.True(response.HasForbidError);
        Assert.Equal(CedarDecision.Deny, response.DecisionFailingClosed);
        Assert.Equal(CedarErrorKind.MissingAttribute, Assert.Single(response.Errors).Kind);
    }

    [Fact]
    public void A_template_decides_only_once_it_is_linked()
    {
        var set = CedarPolicySet.Parse("permit(principal == ?principal, action, resource in ?resource);");
        var request = new CedarRequest(Alice, View, Photo);
        Assert.Equal(CedarDecision.Deny, CedarAuthorizer.Authorize(set, CedarEntities.Empty, request).Decision);

        var linked = set.Link("policy0", "link", Alice, Photo);

        var response = CedarAuthorizer.Authorize(linked, CedarEntities.Empty, request);
        Assert.Equal("link", Assert.Single(response.Reasons).Id);
        Assert.Throws<CedarException>(() => set.Link("policy0", "link", Alice));
    }

    [Fact]
    public void A_hierarchy_with_a_cycle_is_refused()
    {
        var error = Assert.Throws<CedarException>(() =>
            CedarEntities.Create([new(Alice, parents: [Photo]), new(Photo, parents: [Alice])]));

        Assert.Equal("cycle", Assert.Single(error.Diagnostics).Code);
    }
}
