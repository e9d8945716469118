using System.Net;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Modules that are deployed over HTTP.</summary>
public class DeploymentTests
{
    [Fact]
    public async Task Deploying_compiles_first_and_counts_versions()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        var first = await EdgeHarness.JsonAsync(await edge.DeployAsync("triage"), HttpStatusCode.Created);
        var second = await EdgeHarness.JsonAsync(await edge.DeployAsync("triage"), HttpStatusCode.OK);
        using var bad = await edge.DeployAsync("triage", module: "not wasm"u8.ToArray());

        Assert.Equal(1, first.GetProperty("version").GetInt32());
        Assert.Equal(2, second.GetProperty("version").GetInt32());
        Assert.Equal("AR3001", await EdgeHarness.ProblemAsync(bad, HttpStatusCode.UnprocessableEntity));
        var list = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/agents"), HttpStatusCode.OK);
        Assert.Equal(2, Assert.Single(list.GetProperty("agents").EnumerateArray()).GetProperty("version").GetInt32());
    }

    [Fact]
    public async Task Modules_that_are_tools_do_not_make_room_for_others()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var deployed = await edge.DeployAsync("triage");
        Assert.Equal([MemoryPorts.ToolModule], edge.Ports.Agents.Deployed!.Pinned);
    }

    [Fact]
    public async Task An_agent_is_deleted_by_its_own_project_and_nobody_else()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        using var deployed = await edge.DeployAsync("triage");
        edge.UseKey(MemoryPorts.GlobexKey);
        using var foreign = await edge.Client.DeleteAsync("v1/projects/demo/agents/triage");
        Assert.Equal("AR1006", await EdgeHarness.ProblemAsync(foreign, HttpStatusCode.NotFound));
        edge.UseKey(MemoryPorts.AcmeKey);
        using var elsewhere = await edge.Client.DeleteAsync("v1/projects/other/agents/triage");
        Assert.Equal("AR1006", await EdgeHarness.ProblemAsync(elsewhere, HttpStatusCode.NotFound));

        using var gone = await edge.Client.DeleteAsync("v1/projects/demo/agents/triage");
        using var again = await edge.Client.DeleteAsync("v1/projects/demo/agents/triage");

        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        Assert.Equal("AR1006", await EdgeHarness.ProblemAsync(again, HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task A_module_that_does_not_fit_its_agents_limits_is_not_deployed()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Limited = new("demo/limited", new() { MaxStringBytes = new(7) }, new());

        using var unfit = await edge.DeployAsync("limited");
        using var other = await edge.DeployAsync("other");

        Assert.Equal("AR3012", await EdgeHarness.ProblemAsync(unfit, HttpStatusCode.UnprocessableEntity));
        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
        var list = await EdgeHarness.JsonAsync(await edge.Client.GetAsync("v1/agents"), HttpStatusCode.OK);
        Assert.Single(list.GetProperty("agents").EnumerateArray());

        edge.Ports.Limited = new("demo/limited", new() { MaxStringBytes = new(8) }, new());
        using var fits = await edge.DeployAsync("limited");
        Assert.Equal(HttpStatusCode.Created, fits.StatusCode);
    }

    [Fact]
    public async Task A_module_is_compiled_for_its_agents_limits()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Limited = new("demo/limited", new() { Fuel = 1_000 }, new());

        using var limited = await edge.DeployAsync("limited");
        using var other = await edge.DeployAsync("other");

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (limited.StatusCode, other.StatusCode));
        Assert.Equal(1_000, Assert.Single(edge.Ports.Agents.Prepared).Fuel);
    }

    [Fact]
    public void Busy_sandboxes_are_the_platforms_affair() =>
        Assert.Equal(503, ErrorStatus.Of(ReasonCodes.SandboxBusy));

    [Theory]
    [InlineData("Upper")]
    [InlineData("under_score")]
    [InlineData("a%2Fb")]
    [InlineData("-a")]
    public async Task An_agents_name_is_lower_case_letters_digits_and_hyphens(string name)
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.DeployAsync(name);

        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(response, HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_tenants_slow_modules_hold_up_no_other_tenants()
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        edge.Ports.Agents.Slow = new();
        Task<HttpResponseMessage>[] slow = [.. Enumerable.Range(0, 4).Select(i => edge.DeployAsync($"slow-{i}"))];
        await Eventually.BecomesTrueAsync(() => edge.Ports.Agents.Compiling > 0);
        edge.UseKey(MemoryPorts.GlobexKey);

        using var other = await edge.DeployAsync("quick", module: "\0asm\u0001\0\0\0\u0001"u8.ToArray())
            .WaitAsync(Eventually.Patience);
        edge.Ports.Agents.Slow.SetResult();

        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
        Assert.All(await Task.WhenAll(slow), s => Assert.Equal(HttpStatusCode.Created, s.StatusCode));
    }

    [Fact]
    public async Task A_deployment_that_waits_long_is_told_to_come_again_and_keeps_its_place()
    {
        await using var edge = await EdgeHarness.StartAsync(
            [], new EdgeOptions { MaxCompilations = 1, DeploymentPatience = TimeSpan.FromMilliseconds(50) });
        edge.Ports.Agents.Slow = new();
        using var slow = await edge.DeployAsync("slow").WaitAsync(Eventually.Patience);
        edge.UseKey(MemoryPorts.GlobexKey);
        byte[] quick = [.. "\0asm\u0001\0\0\0"u8, 7];
        using var waiting = await edge.DeployAsync("quick", module: quick);

        Assert.Equal("AR3014", await EdgeHarness.ProblemAsync(slow, HttpStatusCode.ServiceUnavailable));
        Assert.Equal("AR3014", await EdgeHarness.ProblemAsync(waiting, HttpStatusCode.ServiceUnavailable));
        Assert.Equal(TimeSpan.FromSeconds(5), waiting.Headers.RetryAfter?.Delta);
        Assert.Empty(edge.Ports.Agents.Compiled);
        edge.Ports.Agents.Slow.SetResult();

        // Nobody asks for it meanwhile.
        await Eventually.BecomesTrueAsync(() => edge.Ports.Agents.Compiled.Contains((byte)7));
        Assert.Equal(HttpStatusCode.Created, await UntilTakenAsync(edge, "quick", quick));
    }

    [Fact]
    public async Task A_module_that_is_sent_again_while_it_waits_is_compiled_once()
    {
        await using var edge = await EdgeHarness.StartAsync(
            [], new EdgeOptions { MaxCompilations = 1, DeploymentPatience = TimeSpan.FromMilliseconds(50) });
        edge.Ports.Agents.Slow = new();
        for (var i = 0; i <= TenantLines.MaxOfTenant; i++)
        {
            using var busy = await edge.DeployAsync("slow");
            Assert.Equal("AR3014", await EdgeHarness.ProblemAsync(busy, HttpStatusCode.ServiceUnavailable));
        }

        edge.Ports.Agents.Slow.SetResult();
        await Eventually.BecomesTrueAsync(() => !edge.Ports.Agents.Compiled.IsEmpty);
        edge.UseKey(MemoryPorts.GlobexKey);
        Assert.Equal(
            HttpStatusCode.Created, await UntilTakenAsync(edge, "quick", [.. "\0asm\u0001\0\0\0"u8, 7]));
        Assert.Single(edge.Ports.Agents.Compiled, (byte)0);
    }

    /// <summary>Sends a module again for as long as it waits.</summary>
    private static async Task<HttpStatusCode> UntilTakenAsync(EdgeHarness edge, string name, byte[] module)
    {
        while (true)
        {
            using var answer = await edge.DeployAsync(name, module: module);
            if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                return answer.StatusCode;
        }
    }
}
