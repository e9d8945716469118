using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>Service classes and egress: what bundles say, and what is wrong with them.</summary>
public sealed class ServiceClassTests
{
    [Fact]
    public void Agents_and_clients_get_the_classes_that_the_bundle_gives_them()
    {
        var bundle = Sample.Snapshot(Sample.Bundle(
            ("bundle.yaml", Sample.Main + """

                slo_classes:
                  chat: {priority: 0, ttft: 800ms, tpot: 60ms, deadline: 20s, objective: 99.5%}
                  batch: {ttft: 5m}
                client_slo: chat
                """),
            ("agents.yaml", Sample.Agents.Replace(
                "demo/idle:", "demo/idle:\n    slo: batch", StringComparison.Ordinal))));

        Assert.Equal(
            new SloTarget("chat", 0)
            {
                TimeToFirstToken = TimeSpan.FromMilliseconds(800),
                TimePerOutputToken = TimeSpan.FromMilliseconds(60),
                Deadline = TimeSpan.FromSeconds(20),
                Objective = 0.995,
            },
            bundle.Tenant.ClientSlo);
        var idle = bundle.FindAgent("demo/idle")!.Slo!;
        Assert.Equal(("batch", 2, true), (idle.Name, idle.Priority, idle.Sheddable));
        Assert.Equal(TimeSpan.FromMinutes(5), idle.TimeToFirstToken);
        Assert.Equal(TimeSpan.FromMinutes(10), idle.Deadline);
        Assert.Null(bundle.FindAgent("demo/clerk")!.Slo);
    }

    [Theory]
    [InlineData("client_slo: interactiv", "did you mean 'interactive'?")]
    [InlineData("slo_classes: {fast: {ttft: 5s, deadline: 1s}}", "raise 'deadline'")]
    [InlineData("slo_classes: {fast: {priority: 4}}", "'priority' must be a whole number from 0 to 3")]
    [InlineData("slo_classes: {fast: {objective: 0.99}}", "'objective' must be a percentage from 50% to 99.999%")]
    [InlineData("slo_classes: {fast: {objective: 100%}}", "such as 99.5%, not")]
    [InlineData("slo_classes: {Fast: {}}", "'Fast' is not a name for a service class")]
    [InlineData("slo_classes: {fast: {tpot: quick}}", "'tpot' must be a duration")]
    [InlineData("egress: [shop.example]", "the server 'files' is at files.example")]
    [InlineData("egress: [127.0.0.1, files.example, 'no host']", "'no host' is neither a host nor a range")]
    [InlineData("egress: files.example", "'egress' must be a list of hosts")]
    public void A_mistake_is_named_with_its_place(string line, string expected)
    {
        var problems = Sample.Problems(Sample.Bundle(("bundle.yaml", $"{Sample.Main}\n{line}\n")));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
        Assert.All(problems, p => Assert.Contains("bundle.yaml:", p, StringComparison.Ordinal));
    }

    [Fact]
    public void A_class_that_goes_before_what_the_operator_grants_is_refused()
    {
        var bundle = Sample.Bundle(
            ("bundle.yaml", Sample.Main + "\nslo_classes: {chat: {priority: 0}, late: {}}\nclient_slo: late\n"),
            ("agents.yaml", Sample.Agents.Replace(
                "demo/idle:", "demo/idle:\n    slo: interactive", StringComparison.Ordinal)));

        var problems = Sample.Problems(bundle, new() { FirstPriority = 2 });

        Assert.Equal(2, problems.Count);
        Assert.Contains("'interactive' has priority 0, before what", problems[0], StringComparison.Ordinal);
        Assert.Contains("'priority' must be a whole number from 2 to 3", problems[1], StringComparison.Ordinal);
        Assert.Empty(Sample.Problems(bundle));
    }

    [Fact]
    public void A_grant_that_the_agents_own_egress_closes_is_a_mistake()
    {
        var agents = Sample.Agents.Replace(
            "demo/clerk:", "demo/clerk:\n    egress: ['127.0.0.1:8791']", StringComparison.Ordinal);

        var problem = Assert.Single(Sample.Problems(Sample.Bundle(("agents.yaml", agents))));

        Assert.Contains("'files/read' can never be called", problem, StringComparison.Ordinal);
        Assert.Contains("agents.yaml:", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Servers_carry_the_rules_and_the_address_that_the_rules_are_about()
    {
        var bundle = Sample.Bundle(("bundle.yaml", $"{Sample.Main}\negress: [127.0.0.1, '*.example']\n"));
        var options = new PolicyOptions
        {
            ToolEndpoints = new Dictionary<string, Uri> { ["shop"] = new("http://127.0.0.9:9/mcp") },
        };

        var servers = new BundleSnapshot(BundleInspection.Compile(bundle, options), options).Tenant.ToolServers;

        Assert.All(servers, s => Assert.Equal("*.example, 127.0.0.1", s.Egress!.ToString()));
        Assert.Equal("http://127.0.0.1:8791/mcp", servers.Single(s => s.Name == "shop").NamedEndpoint!.ToString());
    }
}
