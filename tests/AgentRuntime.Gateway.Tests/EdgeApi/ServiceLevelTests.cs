using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>What tenants and operators are told of how requests fared.</summary>
public sealed class ServiceLevelTests
{
    private static readonly SloTarget Chat = new("chat", 0)
    {
        TimeToFirstToken = TimeSpan.FromMinutes(1), TimePerOutputToken = TimeSpan.FromMinutes(1), Objective = 0.9,
    };

    // A first token cannot be in time: every request overspends the error budget.
    private static readonly SloTarget Impossible = Chat with { Name = "now", TimeToFirstToken = TimeSpan.FromTicks(1) };

    [Fact]
    public async Task A_tenant_sees_its_own_classes_and_nobody_elses()
    {
        await using var engine = await ScriptedEngine.StartAsync("e");
        await using var edge = await StartAsync(engine, tenant => tenant == "acme" ? Chat : Impossible);
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, (await edge.ChatAsync()).StatusCode);
        edge.UseKey(MemoryPorts.GlobexKey);
        Assert.Equal(HttpStatusCode.OK, (await edge.ChatAsync()).StatusCode);

        var theirs = await edge.Client.GetAsync("v1/slo");
        edge.UseKey(MemoryPorts.AcmeKey);
        var ours = await edge.Client.GetAsync("v1/slo");

        var level = Assert.Single((await EdgeHarness.JsonAsync(ours, HttpStatusCode.OK))
            .GetProperty("service_levels").EnumerateArray());
        Assert.Equal(("m", "chat", 3), (
            level.GetProperty("model").GetString(), level.GetProperty("class").GetString(),
            level.GetProperty("requests").GetInt32()));
        Assert.Equal(1, level.GetProperty("attainment").GetDouble());
        Assert.Equal(1, level.GetProperty("error_budget_left").GetDouble());
        Assert.Equal(60_000, level.GetProperty("ttft_target_ms").GetDouble());
        level = Assert.Single((await EdgeHarness.JsonAsync(theirs, HttpStatusCode.OK))
            .GetProperty("service_levels").EnumerateArray());
        Assert.Equal(("now", 1), (level.GetProperty("class").GetString(), level.GetProperty("requests").GetInt32()));
        Assert.Equal(0, level.GetProperty("ttft_attainment").GetDouble());
        Assert.Equal(1, level.GetProperty("tpot_attainment").GetDouble());
        Assert.Equal(-9, level.GetProperty("error_budget_left").GetDouble(), 6);
    }

    [Fact]
    public async Task The_operators_metrics_tell_levels_and_the_engines_that_are_wanted()
    {
        await using var engine = await ScriptedEngine.StartAsync("e");
        await using var edge = await StartAsync(engine, _ => Chat);
        await edge.ChatAsync();
        var seen = new Dictionary<string, (double Value, Dictionary<string, object?> Tags)>(StringComparer.Ordinal);
        using var metrics = new ServiceLevelMetrics(edge.Router.ServiceLevels);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == RuntimeTelemetry.Name && instrument.IsObservable)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Keep(i, value, tags));
        listener.SetMeasurementEventCallback<int>((i, value, tags, _) => Keep(i, value, tags));
        listener.Start();

        listener.RecordObservableInstruments();

        Assert.Equal(1, seen["agentruntime.slo.attainment"].Value);
        Assert.Equal("chat", seen["agentruntime.slo.attainment"].Tags["agentruntime.slo.class"]);
        Assert.Equal(1, seen["agentruntime.slo.error_budget_left"].Value);
        Assert.True(seen["agentruntime.slo.goodput"].Value > 0);
        Assert.Equal(1, seen["agentruntime.engines prefill"].Value);
        Assert.Equal(1, seen["agentruntime.engines.desired decode"].Value);
        Assert.Equal("enough", seen["agentruntime.engines.desired decode"].Tags["agentruntime.scaling.reason"]);

        void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var named = tags.ToArray().ToDictionary(t => t.Key, t => t.Value);
            var duty = named.TryGetValue("agentruntime.engine.duty", out var d) ? $" {d}" : "";
            seen[instrument.Name + duty] = (value, named);
        }
    }

    [Fact]
    public async Task Whoever_starts_engines_reads_the_demand_with_the_join_secret()
    {
        const string Secret = "a join secret of this test";
        await using var engine = await ScriptedEngine.StartAsync("e");
        await using var edge = await EdgeHarness.StartAsync(
            [engine], registration: new() { JoinSecret = System.Text.Encoding.UTF8.GetBytes(Secret) });
        using var request = new HttpRequestMessage(HttpMethod.Get, "v1/nodes");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Secret);

        var answer = await EdgeHarness.JsonAsync(await edge.Client.SendAsync(request), HttpStatusCode.OK);

        var found = Assert.Single(answer.GetProperty("engines").EnumerateArray());
        Assert.Equal("e", found.GetProperty("name").GetString());
        Assert.True(found.GetProperty("healthy").GetBoolean());
        Assert.Equal(
            ["m prefill 1 1 enough", "m decode 1 1 enough"],
            answer.GetProperty("demand").EnumerateArray().Select(d =>
                $"{d.GetProperty("model").GetString()} {d.GetProperty("duty").GetString()} "
                    + $"{d.GetProperty("engines").GetInt32()} {d.GetProperty("desired").GetInt32()} "
                    + d.GetProperty("reason").GetString()));
        Assert.Equal(
            "AR1002",
            await EdgeHarness.ProblemAsync(await edge.Client.GetAsync("v1/nodes"), HttpStatusCode.Unauthorized));
    }

    private static Task<EdgeHarness> StartAsync(ScriptedEngine engine, Func<string?, SloTarget> target) =>
        EdgeHarness.StartAsync([engine], change: options => options with { SloTargets = new Targets(target) });

    private sealed class Targets(Func<string?, SloTarget> find) : ISloTargetSource
    {
        public SloTarget? Find(WorkIdentity identity) => find(identity.TenantName);
    }
}
