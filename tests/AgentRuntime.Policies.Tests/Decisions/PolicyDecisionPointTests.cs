using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class PolicyDecisionPointTests
{
    private readonly MemoryBundleStore _store = new();

    private static TenantId Other { get; } = new(new Guid("01900000-0000-7000-8000-00000000000b"));

    [Fact]
    public async Task A_tenant_without_a_bundle_has_none()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);

        Assert.Empty(await point.LoadAsync(CancellationToken.None));

        Assert.Null(point.Current(Calls.Tenant));
    }

    [Fact]
    public async Task An_applied_bundle_is_kept_and_in_force_and_survives_a_restart()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        var outcome = await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);

        using var restarted = new PolicyDecisionPoint(_store, TimeProvider.System);
        await restarted.LoadAsync(CancellationToken.None);

        Assert.Empty(outcome.Problems);
        Assert.Equal(outcome.Bundle, point.Current(Calls.Tenant)!.Digest);
        Assert.Equal(outcome.Bundle, restarted.Current(Calls.Tenant)!.Digest);
    }

    [Fact]
    public async Task A_bundle_with_problems_leaves_the_one_in_force()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        var good = await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);

        var bad = await point.ApplyAsync(
            Calls.Tenant, Sample.Bundle(("agents.yaml", "agents: 5")), CancellationToken.None);

        Assert.NotEmpty(bad.Problems);
        Assert.NotNull(bad.Bundle);
        Assert.Equal(good.Bundle, point.Current(Calls.Tenant)!.Digest);
        Assert.Equal(good.Bundle, Assert.Single(await _store.ListAsync(CancellationToken.None)).Digest);
    }

    [Fact]
    public async Task What_the_store_does_not_keep_is_not_in_force()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        _store.Fails = true;

        await Assert.ThrowsAsync<IOException>(
            async () => await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None));

        Assert.Null(point.Current(Calls.Tenant));
    }

    [Fact]
    public async Task Work_in_flight_keeps_the_bundle_that_it_started_with()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        var before = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));

        await point.ApplyAsync(
            Calls.Tenant,
            Sample.Bundle(
                ("agents.yaml", Sample.Agents.Replace("- shop/lookup", "- shop/erase", StringComparison.Ordinal))),
            CancellationToken.None);

        var after = point.Current(Calls.Tenant)!.Open(Calls.Agent("demo/clerk"));
        Assert.Equal(Verdict.Allow, before.Decide(Lookup()).Verdict);
        Assert.Equal(Verdict.Deny, after.Decide(Lookup()).Verdict);
        Assert.NotEqual(before.Bundle, after.Bundle);
        Assert.Equal(before.Bundle, before.Decide(Lookup()).Bundle);
    }

    [Fact]
    public async Task A_kept_bundle_that_was_changed_is_not_put_in_force()
    {
        var digest = BundleFiles.Digest(Sample.Bundle());
        await _store.PutAsync(
            new(Calls.Tenant, digest, Sample.Bundle(("README.md", "changed"))),
            new(Calls.Noon, "key:key_1", "apply"),
            CancellationToken.None);
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);

        var problems = await point.LoadAsync(CancellationToken.None);

        Assert.Contains("has another content", Assert.Single(problems).Message, StringComparison.Ordinal);
        Assert.Null(point.Current(Calls.Tenant));
    }

    [Fact]
    public async Task A_kept_bundle_above_what_the_operator_grants_by_now_gives_what_is_granted()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);
        var first = await point.ApplyAsync(
            Calls.Tenant,
            Sample.Bundle(
                ("bundle.yaml", Sample.Main + "\nslo_classes: {first: {priority: 0}}\nclient_slo: first"),
                ("agents.yaml", Sample.Agents.Replace("demo/idle:", "demo/idle:\n    slo: first",
                    StringComparison.Ordinal))),
            CancellationToken.None);
        await point.ApplyAsync(Other, Sample.Bundle(), CancellationToken.None);
        using var stricter = new PolicyDecisionPoint(
            _store,
            TimeProvider.System,
            new() { QuotaCeiling = new() { ConcurrentRuns = 1 }, FirstPriority = 2, MemoryCeiling = new(1 << 20) });

        Assert.Empty(await stricter.LoadAsync(CancellationToken.None));

        var loaded = stricter.Current(Calls.Tenant)!;
        Assert.Equal((first.Bundle, 1), (loaded.Digest, loaded.Tenant.Quota.ConcurrentRuns));
        Assert.Equal(new ByteCount(1 << 20), loaded.FindAgent("demo/idle")!.Limits.MaxMemory);
        Assert.Equal((2, 2), (loaded.Tenant.ClientSlo!.Priority, loaded.FindAgent("demo/idle")!.Slo!.Priority));
        Assert.Equal(1, stricter.Current(Other)!.Tenant.Quota.ConcurrentRuns);
        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);
        var earlier = await stricter.FindAsync(Calls.Tenant, first.Bundle!.Value, CancellationToken.None);
        Assert.Equal(1, earlier!.Tenant.Quota.ConcurrentRuns);
        Assert.NotEmpty((await stricter.ApplyAsync(Other, Sample.Bundle(), CancellationToken.None)).Problems);
    }

    [Fact]
    public async Task A_kept_bundle_beyond_the_bounds_keeps_no_others_from_being_in_force()
    {
        var beyond = Sample.Bundle(("tests/large.yaml", $"tests: [{string.Join(", ", Enumerable.Repeat(1, 50_001))}]"));
        await _store.PutAsync(
            new(Calls.Tenant, BundleFiles.Digest(beyond), beyond), new(Calls.Noon, "key:key_1", "apply"), default);
        await _store.PutAsync(
            new(Other, BundleFiles.Digest(Sample.Bundle()), Sample.Bundle()),
            new(Calls.Noon, "key:key_1", "apply"),
            default);
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);

        var problems = await point.LoadAsync(CancellationToken.None);

        Assert.StartsWith(
            $"bundle of {Calls.Tenant}: not readable as YAML: more than 50000 nodes",
            Assert.Single(problems).Message,
            StringComparison.Ordinal);
        Assert.Null(point.Current(Calls.Tenant));
        Assert.NotNull(point.Current(Other));
    }

    [Fact]
    public async Task A_tool_server_listens_where_the_operator_says()
    {
        var options = new PolicyOptions
        {
            ToolEndpoints = new Dictionary<string, Uri> { ["shop"] = new("http://127.0.0.1:9/mcp") },
        };
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System, options);

        await point.ApplyAsync(Calls.Tenant, Sample.Bundle(), CancellationToken.None);

        var servers = point.Current(Calls.Tenant)!.Tenant.ToolServers;
        Assert.Equal("http://127.0.0.1:9/mcp", servers.Single(s => s.Name == "shop").Endpoint.ToString());
        Assert.Equal("https://files.example/mcp", servers.Single(s => s.Name == "files").Endpoint.ToString());
        Assert.Equal(BundleFiles.Digest(Sample.Bundle()), point.Current(Calls.Tenant)!.Digest);
    }

    [Fact]
    public async Task Bundles_applied_at_once_end_as_the_one_that_was_kept_last()
    {
        using var point = new PolicyDecisionPoint(_store, TimeProvider.System);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(
            async () =>
                await point.ApplyAsync(Calls.Tenant, Sample.Bundle(("README.md", $"{i}")), CancellationToken.None))));

        Assert.Equal(
            Assert.Single(await _store.ListAsync(CancellationToken.None)).Digest, point.Current(Calls.Tenant)!.Digest);
    }

    private static PolicyCall Lookup() => Calls.Tool("shop/lookup", """{"order": "A"}""");
}
