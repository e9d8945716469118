using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using static AgentRuntime.Policies.Tests.MemorySample;

namespace AgentRuntime.Policies.Tests;

/// <summary>What an agent may do with memory: nothing but what it is granted.</summary>
public sealed class MemoryDecisionTests
{
    private const string Clerk = "demo/clerk";

    [Fact]
    public void What_is_granted_is_allowed_and_names_its_grant()
    {
        var write = Calls.Decide(Bundle(), Clerk, Write("notes", "a"));

        Assert.Equal((Verdict.Allow, null), (write.Verdict, write.Reason));
        Assert.Equal(["memory:demo/clerk:notes:write"], write.DeterminingPolicies);
        Assert.Equal(Verdict.Allow, Calls.Decide(Bundle(), Clerk, Read("notes", "a")).Verdict);
        Assert.Equal(Verdict.Allow, Calls.Decide(Bundle(), Clerk, Read("notes")).Verdict);
        Assert.Equal(Verdict.Allow, Calls.Decide(Bundle(), Clerk, Read("catalogue", "orders/*1")).Verdict);
    }

    [Theory]
    [InlineData(
        "demo/idle",
        false,
        "notes",
        "a",
        "AR2002: the agent 'demo/idle' is not granted to read the memory 'notes' [agents.yaml:20:3]")]
    [InlineData(
        Clerk,
        true,
        "catalogue",
        "orders/*1",
        "AR2002: the agent 'demo/clerk' is not granted to write the memory 'catalogue', only to read it "
            + "[agents.yaml:17:9]")]
    [InlineData(
        Clerk,
        false,
        "catalogue",
        "orders/1",
        "AR2002: the agent 'demo/clerk' may read the memory 'catalogue' only at keys that begin with 'orders/*', "
            + "and the key is another [agents.yaml:17:9]")]
    [InlineData(
        Clerk,
        false,
        "catalogue",
        null,
        "AR2002: the agent 'demo/clerk' may read the memory 'catalogue' only at keys that begin with 'orders/*', "
            + "and listing shows all of them [agents.yaml:17:9]")]
    [InlineData(
        Clerk,
        true,
        "private",
        "a",
        "AR2002: the agent 'demo/clerk' is not granted to write the memory 'private' [agents.yaml:2:3]")]
    [InlineData(
        Clerk,
        false,
        "note",
        "a",
        "AR2002: the agent 'demo/clerk' is not granted to read the memory 'note': the bundle describes none of that "
            + "name [agents.yaml:2:3] Did you mean 'notes'?")]
    [InlineData("demo/nobody", false, "notes", "a", "AR2006: the bundle does not name the agent 'demo/nobody'")]
    public void What_is_not_granted_is_refused(string agent, bool write, string bucket, string? key, string reason)
    {
        var decision = Calls.Decide(Bundle(), agent, write ? Write(bucket, key!) : Read(bucket, key));

        Assert.Equal(Verdict.Deny, decision.Verdict);
        Assert.StartsWith(reason, decision.Reason!.ToString(), StringComparison.Ordinal);
        Assert.Empty(decision.DeterminingPolicies);
    }

    [Fact]
    public void A_client_has_no_memory()
    {
        var policy = "permit (principal, action, resource);";

        var decision = Sample.Snapshot(WithPolicy(policy)).Open(Calls.Client("demo")).Decide(Read("notes", "a"));

        Assert.Equal((Verdict.Deny, ReasonCodes.DefaultDeny), (decision.Verdict, decision.Reason!.Code));
    }

    [Theory]
    [InlineData("""{"key": 1}""", false)]
    [InlineData("""{"key": "a", "Key": "b"}""", false)]
    [InlineData("""{"key": "a", "key": "b"}""", false)]
    [InlineData("""{"key": "\ud800"}""", false)]
    [InlineData("{}", true)]
    [InlineData("[]", true)]
    public void Arguments_that_name_no_one_key_are_refused_before_any_rule(string arguments, bool write)
    {
        var call = Calls.Tool("notes", arguments) with
        {
            Action = write ? PolicyAction.WriteMemory : PolicyAction.ReadMemory,
        };

        Assert.Equal(ReasonCodes.InvalidArguments, Calls.Decide(Bundle(), Clerk, call).Reason!.Code);
    }

    [Fact]
    public void A_forbid_by_hand_wins_over_a_grant()
    {
        var bundle = WithPolicy("""
            @id("no-locks") @reason("locks are kept by the desk")
            forbid (
              principal in AgentRuntime::Project::"demo",
              action in [AgentRuntime::Action::"read_memory", AgentRuntime::Action::"write_memory"],
              resource == AgentRuntime::Memory::"notes")
            when { context.input has key && context.input.key like "lock/*" };
            @id("few") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
            when { context.history.calls >= 2 };
            """);
        var run = Sample.Snapshot(bundle).Open(Calls.Agent(Clerk));

        Assert.Equal(
            "AR2003: locks are kept by the desk [policies/mine.cedar:1:1]",
            run.Decide(Write("notes", "lock/a")).Reason!.ToString());
        Assert.Equal(ReasonCodes.ForbiddenByRule, run.Decide(Read("notes", "lock/a")).Reason!.Code);
        Assert.Equal(Verdict.Allow, run.Decide(Write("notes", "a")).Verdict);
        Assert.Equal(Verdict.Allow, run.Decide(Write("notes", "b")).Verdict);
        Assert.Equal(
            "AR2003: the rule 'few' forbids the agent 'demo/clerk' writing the memory 'notes' "
                + "[policies/mine.cedar:7:1]",
            run.Decide(Write("notes", "c")).Reason!.ToString());
        Assert.Equal(Verdict.Allow, run.Decide(Read("notes", "c")).Verdict);
    }

    [Fact]
    public void A_permit_by_hand_opens_what_no_grant_does()
    {
        var bundle = WithPolicy("""
            @id("own") permit (
              principal == AgentRuntime::Agent::"demo/idle",
              action == AgentRuntime::Action::"write_memory",
              resource == AgentRuntime::Memory::"private")
            when { context.user == "key:key_1" };
            """);

        Assert.Equal(["own"], Calls.Decide(bundle, "demo/idle", Write("private", "a")).DeterminingPolicies);
        Assert.Equal(Verdict.Deny, Calls.Decide(bundle, "demo/idle", Read("private", "a")).Verdict);
    }

    [Fact]
    public void What_is_read_brings_the_labels_of_its_bucket()
    {
        var bundle = With("private");
        bundle["agents.yaml"] = bundle["agents.yaml"].Replace(
            "    model: small\n    models", "    input: {trusted: true, confidentiality: public}\n    model: small\n"
                + "    models", StringComparison.Ordinal);
        bundle["policies/mine.cedar"] = """
            @id("careful") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
            when { context.history.integrity == "untrusted" };
            @id("discreet") forbid (principal, action == AgentRuntime::Action::"write_memory", resource)
            when { context.history.confidentiality == "user" };
            """;
        var run = Sample.Snapshot(bundle).Open(Calls.Agent(Clerk));
        Assert.Equal(Verdict.Allow, run.Decide(Write("notes", "a")).Verdict);

        var confidential = Read("private", "a");
        run.Decide(confidential);
        Assert.Equal(["discreet"], run.Decide(Write("notes", "a")).DeterminingPolicies);
        run.Settle(confidential, CallOutcome.NotSent);
        Assert.Equal(Verdict.Allow, run.Decide(Write("notes", "a")).Verdict);

        var untrusted = Read("notes", "a");
        run.Decide(untrusted);
        run.Settle(untrusted, CallOutcome.Succeeded);
        Assert.Equal(["careful"], run.Decide(Write("notes", "a")).DeterminingPolicies);
    }

    [Fact]
    public void A_call_is_settled_without_harm_however_it_ended()
    {
        var bundle = Bundle((
            "agents.yaml",
            Agents(Grants).Replace(
                "max: {amount_cents: 5000}", "history: {never_after_failure: true}", StringComparison.Ordinal)));
        var run = Sample.Snapshot(bundle).Open(Calls.Agent(Clerk));
        foreach (var outcome in Enum.GetValues<CallOutcome>())
        {
            foreach (var call in (PolicyCall[])[Read("notes"), Write("notes", "a"), Read("private", "a")])
            {
                run.Decide(call);
                run.Settle(call, outcome);
                run.Settle(call, outcome);
                run.Approve(call, call.At);
            }
        }

        // Memory that failed is no failure of a tool, and counts as none of its calls.
        var refund = Calls.Tool("shop/refund", """{"order": "A", "amount_cents": 1}""");
        Assert.Equal(Verdict.Allow, run.Decide(refund).Verdict);
    }

    [Fact]
    public void Calls_that_are_not_settled_are_bounded()
    {
        var run = Sample.Snapshot(Bundle()).Open(Calls.Agent(Clerk));
        var calls = Enumerable.Range(0, RunHistory.MaxInFlight).Select(_ => Read("notes")).ToList();
        Assert.All(calls, c => Assert.Equal(Verdict.Allow, run.Decide(c).Verdict));

        Assert.Equal(ReasonCodes.DefaultDeny, run.Decide(Read("notes")).Reason!.Code);
        run.Settle(calls[0], CallOutcome.Succeeded);
        Assert.Equal(Verdict.Allow, run.Decide(Read("notes")).Verdict);
    }

    [Fact]
    public async Task Denials_of_memory_count_for_threat_rules()
    {
        var rule = "\nthreats: {probing: {when: {denials: 3, within: 1m}, then: kill_run}}";
        using var point = new PolicyDecisionPoint(new MemoryBundleStore(), new ManualTime(Calls.Noon));
        var applied = await point.ApplyAsync(
            Calls.Tenant, Bundle(("bundle.yaml", Sample.Main + Buckets + rule)), CancellationToken.None);
        Assert.Empty(applied.Problems);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent(Clerk));

        IEnumerable<string?> codes = [Code(Write("private", "a")), Code(Read("note", "a")), Code(Read("catalogue"))];

        Assert.Equal(["AR2002", "AR2002", "AR2014"], codes);
        Assert.True(run.Decide(Read("notes")).EndsRun);

        string? Code(PolicyCall call) => run.Decide(call).Reason?.Code.ToString();
    }

    [Fact]
    public async Task A_shadow_decides_about_memory_beside_the_bundle_in_force()
    {
        using var point = new PolicyDecisionPoint(new MemoryBundleStore(), TimeProvider.System);
        await point.ApplyAsync(Calls.Tenant, Bundle(), CancellationToken.None);
        await point.BeginShadowAsync(Calls.Client("demo"), Sample.Bundle(), CancellationToken.None);
        var run = point.Current(Calls.Tenant)!.Open(Calls.Agent(Clerk));
        var call = Write("notes", "a");

        var decision = run.Decide(call);
        run.Settle(call, CallOutcome.Succeeded);

        Assert.Equal((Verdict.Allow, Verdict.Deny), (decision.Verdict, decision.Shadow!.Verdict));
        Assert.Equal(ReasonCodes.DefaultDeny, decision.Shadow.Reason!.Code);
    }
}
