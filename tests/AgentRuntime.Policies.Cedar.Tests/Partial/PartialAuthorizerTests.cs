using AgentRuntime.Policies.Cedar.Tests.Differential;

namespace AgentRuntime.Policies.Cedar.Tests.Partial;

public sealed class PartialAuthorizerTests
{
    [Fact]
    public void Tools_that_no_argument_could_make_allowed_are_told_from_those_that_depend_on_them()
    {
        var set = CedarPolicySet.Parse("""
            permit(principal == Agent::"a", action == Action::"refund", resource) when { context.input.amount <= 100 };
            permit(principal == Agent::"a", action == Action::"search", resource);
            permit(principal == Agent::"b", action, resource);
            """);

        var refund = Ask(set, "refund");
        var search = Ask(set, "search");
        var delete = Ask(set, "delete");

        Assert.Equal(CedarDecision.None, refund.Decision);
        Assert.Equal("context.input.amount <= 100", Assert.Single(refund.Residuals).Condition);
        Assert.Equal(CedarDecision.Allow, search.Decision);
        Assert.Equal(CedarDecision.Deny, delete.Decision);
        Assert.False(delete.MayBeAllowed);
    }

    [Fact]
    public void A_permit_whose_known_part_fails_is_out_but_a_forbid_that_could_fail_stays()
    {
        var permit =
            CedarPolicySet.Parse(
            "permit(principal, action, resource) when { resource.owner == principal } when { false };");
        var forbid = CedarPolicySet.Parse("""
            permit(principal, action, resource);
            forbid(principal, action, resource) when { resource.owner == principal } when { false };
            """);
        var request = new CedarPartialRequest { Principal = new("U", "a"), Action = new("Action", "x") };

        Assert.Equal(
            CedarDecision.Deny, CedarPartialAuthorizer.Authorize(permit, CedarEntities.Empty, request).Decision);
        Assert.Equal(
            CedarDecision.None, CedarPartialAuthorizer.Authorize(forbid, CedarEntities.Empty, request).Decision);
    }

    [Fact]
    public void The_type_of_an_unknown_resource_decides_what_only_depends_on_it()
    {
        var set = CedarPolicySet.Parse("""
            permit(principal, action, resource is Doc);
            forbid(principal, action, resource == Folder::"f");
            """);
        var request = new CedarPartialRequest
        {
            Principal = new("U", "a"), Action = new("Action", "x"), ResourceType = "Doc",
        };

        Assert.Equal(CedarDecision.Allow, CedarPartialAuthorizer.Authorize(set, CedarEntities.Empty, request).Decision);
    }

    [Theory]
    [InlineData(21, false, true)]
    [InlineData(22, true, false)]
    [InlineData(23, true, true)]
    public void What_is_said_of_an_incomplete_request_holds_when_it_is_completed(
        int seed, bool hideResource, bool hideContext)
    {
        var generator = new CaseGenerator(seed);
        var (decided, open) = (0, 0);
        for (var i = 0; i < 700; i++)
        {
            var @case = generator.Next(1 + (i % 4));
            var (set, entities, full) = (@case.PolicySet(), @case.EntityStore(), @case.Request());
            var partial = CedarPartialAuthorizer.Authorize(set, entities, Hide(full, hideResource, hideContext));
            var complete = CedarAuthorizer.Authorize(set, entities, full);

            var text = string.Join("\n", set.Policies);
            if (partial.Decision == CedarDecision.None) open++;
            else Assert.True(
                partial.Decision == complete.Decision,
                $"{text}\npartial {partial.Decision}, complete {complete.Decision}");
            if (partial.Decision != CedarDecision.None) decided++;
            foreach (var policy in set.Policies) Compare(policy, partial, entities, full);
        }

        Assert.True(decided > 100 && open > 5, $"{decided} decided, {open} open");
    }

    private static void Compare(
        CedarPolicy policy, CedarPartialResponse partial, CedarEntities entities, CedarRequest full)
    {
        var alone = CedarAuthorizer.Authorize(CedarPolicySet.Create([policy]), entities, full);
        var holds = alone.Reasons.Count == 1;
        if (partial.Satisfied.Contains(policy)) Assert.True(holds, policy.ToString());
        else if (partial.Errors.Any(e => e.Policy == policy)) Assert.Single(alone.Errors);
        else if (partial.Residuals.FirstOrDefault(r => r.Policy == policy) is { } residual)
        {
            var text = $"permit(principal, action, resource) when {{ {residual.Condition} }};";
            var rest = CedarAuthorizer.Authorize(CedarPolicySet.Parse(text), entities, full);
            Assert.True(holds == (rest.Reasons.Count == 1), $"{policy}\nresidual {residual.Condition}");
        }
        else
        {
            Assert.False(holds, policy.ToString());
        }
    }

    private static CedarPartialRequest Hide(CedarRequest full, bool hideResource, bool hideContext) => new()
    {
        Principal = full.Principal,
        Action = full.Action,
        Resource = hideResource ? null : full.Resource,
        ResourceType = full.Resource.Type,
        Context = hideContext
            ? CedarRecord.Create(full.Context.Where(p => p.Key is not ("input" or "n" or "note")))
            : full.Context,
        UnknownContext = hideContext ? new HashSet<string> { "input", "n", "note" } : new HashSet<string>(),
    };

    private static CedarPartialResponse Ask(CedarPolicySet set, string tool) =>
        CedarPartialAuthorizer.Authorize(set, CedarEntities.Empty, new()
        {
            Principal = new("Agent", "a"),
            Action = new("Action", tool),
            Resource = new("Gateway", "g"),
            UnknownContext = new HashSet<string> { "input" },
        });
}
