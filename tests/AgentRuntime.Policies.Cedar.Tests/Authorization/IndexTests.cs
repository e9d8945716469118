using AgentRuntime.Policies.Cedar.Tests.Differential;

namespace AgentRuntime.Policies.Cedar.Tests.Authorization;

public sealed class IndexTests
{
    [Fact]
    public void A_large_set_decides_as_each_of_its_policies_decides_alone()
    {
        var generator = new CaseGenerator(77);
        var cases = Enumerable.Range(0, 120).Select(i => generator.Next(1 + (i % 3))).ToList();
        var all = cases.SelectMany((c, i) => c.PolicySet().Policies.Select(p => p.WithId($"{i}-{p.Id}"))).ToList();
        var set = CedarPolicySet.Create(all);

        foreach (var @case in cases)
        {
            var (entities, request) = (@case.EntityStore(), @case.Request());
            var together = CedarAuthorizer.Authorize(set, entities, request);
            var alone = all.ConvertAll(
                p => (Policy: p, Response: CedarAuthorizer.Authorize(CedarPolicySet.Create([p]), entities, request)));
            var holding = alone.Where(a => a.Response.Reasons.Count > 0).Select(a => a.Policy).ToList();
            var effect = holding.Exists(p => p.Effect == CedarEffect.Forbid) ? CedarEffect.Forbid : CedarEffect.Permit;

            Assert.Equal(holding.Where(p => p.Effect == effect), together.Reasons);
            Assert.Equal(
                alone.Where(a => a.Response.Errors.Count > 0).Select(a => a.Policy.Id),
                together.Errors.Select(e => e.Policy.Id));
        }
    }

    [Fact]
    public void A_policy_for_several_actions_of_one_group_decides_once()
    {
        var filler =
            string.Join('\n',
            Enumerable.Range(0, 20).Select(i => $"permit(principal, action == Action::\"{i}\", resource);"));
        var set = CedarPolicySet.Parse(
            $"{filler} permit(principal, action in [Action::\"a\", Action::\"g\", Action::\"h\"], resource);");
        var entities =
            CedarEntities.Create([new(new("Action", "a"), parents: [new("Action", "g"), new("Action", "h")])]);

        var response = CedarAuthorizer.Authorize(set, entities, new(new("U", "u"), new("Action", "a"), new("R", "r")));

        Assert.Equal("policy20", Assert.Single(response.Reasons).Id);
    }

    [Fact]
    public void An_allowed_request_allocates_nothing()
    {
        var policies = string.Join('\n', Enumerable.Range(0, 500).Select(i =>
            $"permit(principal in Group::\"g{i % 7}\", action == Action::\"t{i}\", resource) "
            + "when { context.n < 10 && [\"a\", \"b\"].contains(context.s) && principal.level >= 2 };"));
        var set = CedarPolicySet.Parse(policies);
        var user = new EntityUid("User", "u");
        var entities = CedarEntities.Create(
            [new(user, CedarRecord.Create(("level", 3)),
                Enumerable.Range(0, 7).Select(i => new EntityUid("Group", $"g{i}")))]);
        var request =
            new CedarRequest(user, new("Action", "t42"), new("R", "r"), CedarRecord.Create(("n", 5), ("s", "b")));
        Assert.True(CedarAuthorizer.Authorize(set, entities, request).IsAllowed);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var allowed = true;
        for (var i = 0; i < 100; i++) allowed &= CedarAuthorizer.Authorize(set, entities, request).IsAllowed;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.True(allowed);
        Assert.Equal(0, allocated);
    }
}
