using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>One shop for the tests that do not kill it.</summary>
public sealed class SharedShop : IAsyncLifetime
{
    internal ShopProcess Shop { get; private set; } = null!;

    public async Task InitializeAsync() => Shop = await ShopProcess.StartAsync();

    public Task DisposeAsync() => Shop.DisposeAsync().AsTask();
}

/// <summary>Runs that call the sample shop's tools over MCP.</summary>
public sealed class ShopRunTests(SharedShop shared) : IClassFixture<SharedShop>, IAsyncLifetime
{
    private const string LookUp = """{"order_id":"ORD-1001"}""";

    private RunHost _host = null!;
    private readonly ShopProcess _shop = shared.Shop;

    public async Task InitializeAsync()
    {
        _host = await RunHost.StartAsync();
        _host.Policy.Tenant = new TenantPolicy(new QuotaLimits(), [_shop.Server], ShopProcess.Pins);
    }

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task An_allowed_call_is_decided_started_and_completed_in_the_journal()
    {
        var (run, events) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", LookUp));
        Assert.Equal("ORD-1001", JsonElement.Parse(run.Output!).GetProperty("order_id").GetString());
        var decided = Assert.IsType<ToolDecided>(events[1]);
        Assert.Equal(("shop/lookup_order", "allow", LookUp), (decided.Tool, decided.Verdict, decided.ArgumentsJson));
        Assert.Equal($"{run.Identity.Run}:1", Assert.IsType<ToolStarted>(events[2]).IdempotencyKey);
        Assert.Equal(run.Output, Assert.IsType<ToolCompleted>(events[3]).Content);
        Assert.Equal([("shop/lookup_order", CallOutcome.Succeeded)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_refused_call_never_reaches_the_shop_and_the_guest_learns_why()
    {
        _host.Policy.Rule = call => call.Resource == "shop/delete_customer"
            ? ScriptedPolicy.Deny(ReasonCodes.DefaultDeny)
            : new Decision(Verdict.Allow, null, null);
        var (run, events) = await _host.RunAsync(async (_, guest) =>
            await guest.CallToolAsync("shop/delete_customer", """{"customer_id":"CUS-001"}""")
            + await guest.CallToolAsync("shop/lookup_order", LookUp));
        Assert.StartsWith("AR2002{", run.Output, StringComparison.Ordinal);
        var decided = Assert.IsType<ToolDecided>(events[1]);
        Assert.Equal(("deny", "AR2002"), (decided.Verdict, decided.Reason!.Code));
        Assert.Equal(["rule-1"], decided.DeterminingPolicies);
        Assert.DoesNotContain(events, e => e is ToolStarted { Tool: "shop/delete_customer" });
    }

    [Fact]
    public async Task A_call_that_needs_approval_is_refused_with_that_reason()
    {
        _host.Policy.Rule = _ => new Decision(Verdict.RequireApproval, null, null);
        var (run, events) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", LookUp));
        Assert.Equal("AR2005", run.Output);
        Assert.Equal("require_approval", Assert.IsType<ToolDecided>(events[1]).Verdict);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"order_id":"a","order_id":"b"}""")]
    [InlineData("""{"order_id":"ORD-1001","\ud800":1}""")]
    [InlineData("""{"order_id":"\ud800"}""")]
    [InlineData("{}")]
    [InlineData("""{"order_id":7}""")]
    [InlineData("""{"order_id":"ORD-1001","also":1}""")]
    public async Task Arguments_that_do_not_fit_are_refused_before_anything_is_sent(string arguments)
    {
        var (run, events) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", arguments));
        Assert.Equal("AR5005", run.Output);
        var decided = Assert.IsType<ToolDecided>(events[1]);
        Assert.Equal(("deny", "AR5005"), (decided.Verdict, decided.Reason!.Code));
        Assert.DoesNotContain(events, e => e is ToolStarted);
        Assert.DoesNotContain(_host.Policy.Settled, s => s.Outcome != CallOutcome.NotSent);
    }

    [Fact]
    public async Task A_tool_that_the_bundle_does_not_have_is_unknown()
    {
        var (run, _) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/burn", "{}"));
        Assert.Equal("AR5004", run.Output);
    }

    [Fact]
    public async Task What_the_shop_refuses_is_an_answer_to_the_guest()
    {
        var (run, events) = await _host.RunAsync(
            (_, guest) => guest.CallToolAsync("shop/lookup_order", """{"order_id":"ORD-none"}"""));
        Assert.Equal("AR5003", run.Output);
        Assert.Contains("ORD-none", Assert.IsType<ToolFailed>(events[3]).Error.Message, StringComparison.Ordinal);
        Assert.Equal([("shop/lookup_order", CallOutcome.Failed)], _host.Policy.Settled);
    }

    [Fact]
    public async Task A_shop_that_is_down_is_an_answer_and_a_shop_that_is_back_is_reached_again()
    {
        await using var shop = await ShopProcess.StartAsync();
        _host.Policy.Tenant = _host.Policy.Tenant with { ToolServers = [shop.Server] };
        await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", LookUp));
        await shop.KillAsync();
        var (down, events) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", LookUp));
        Assert.Equal((RunStatus.Succeeded, "AR5001"), (down.Status, down.Output));
        Assert.Equal("AR5001", Assert.IsType<ToolFailed>(events[3]).Error.Code);
        await shop.ReviveAsync();
        var (back, _) = await _host.RunAsync((_, guest) => guest.CallToolAsync("shop/lookup_order", LookUp));
        Assert.StartsWith("{", back.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_idempotency_key_refunds_once()
    {
        var invocation = new ToolInvocation(
            "refund",
            JsonElement.Parse("""{"order_id":"ORD-1001","amount_cents":100,"reason":"late"}"""),
            "run_1:1");
        var first = await _host.Tools.CallAsync(_shop.Server, invocation, CancellationToken.None);
        var second = await _host.Tools.CallAsync(_shop.Server, invocation, CancellationToken.None);
        Assert.Equal(Assert.IsType<ToolOutcome.Succeeded>(first), second);
        var order = Assert.IsType<ToolOutcome.Succeeded>(await _host.Tools.CallAsync(
            _shop.Server, new ToolInvocation("lookup_order", JsonElement.Parse(LookUp), "k"), CancellationToken.None));
        Assert.Equal(100, JsonElement.Parse(order.Content).GetProperty("refunded_cents").GetInt64());
    }

    [Fact]
    public async Task The_guest_lists_the_pinned_tools_that_policy_shows()
    {
        _host.Policy.Hidden.Add("shop/delete_customer");
        var (run, _) = await _host.RunAsync(async (_, guest) =>
            string.Join(' ', ((HostCallResult.ToolList)await guest.CallAsync(new HostCall.ListTools())).Tools
                .Select(t => t.Name)));
        Assert.Equal("shop/lookup_order shop/refund", run.Output);
    }
}
