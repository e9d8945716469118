using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Execution.Tests;

public sealed class McpToolTransportTests : IAsyncLifetime
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    private readonly McpToolTransport _transport = new(TimeProvider.System);
    private TestToolServer _server = null!;

    public async Task InitializeAsync() => _server = await TestToolServer.StartAsync();

    public async Task DisposeAsync()
    {
        await _transport.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Tools_are_listed_under_their_servers_name()
    {
        var tool = Assert.Single(await _transport.ListAsync(_server.Server, CancellationToken.None));
        Assert.Equal(("test/do", "does"), (tool.Name, tool.Description));
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(_server.Schema), tool.InputSchema));
    }

    [Fact]
    public async Task Many_first_calls_at_once_make_one_client()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => CallAsync()));
        Assert.Single(_server.Methods, m => m == "tools/list");
        Assert.Equal(20, _server.Methods.Count(m => m == "tools/call"));
    }

    [Fact]
    public async Task The_key_travels_in_meta_and_the_arguments_unchanged()
    {
        var arguments = JsonElement.Parse("""{"a":{"b":[1,2.50,"ü"]},"c":null}""");
        await _transport.CallAsync(
            _server.Server, new ToolInvocation("do", arguments, "run_9:3"), CancellationToken.None);
        var call = Assert.Single(_server.Calls);
        Assert.Equal("run_9:3", (string?)call.Meta!["idempotencyKey"]);
        Assert.True(JsonElement.DeepEquals(arguments, JsonSerializer.SerializeToElement(call.Arguments)));
    }

    [Fact]
    public async Task A_host_that_egress_does_not_list_is_never_connected_to()
    {
        var closed = _server.Server with { Egress = EgressRules.Parse(["shop.example"]) };

        Assert.Equal("AR2016", await RefusalAsync(closed));
        Assert.Empty(_server.HeaderNames);
        Assert.Single(await _transport.ListAsync(
            _server.Server with { Egress = EgressRules.Parse([_server.Server.Endpoint.Authority]) },
            CancellationToken.None));
    }

    [Fact]
    public async Task A_permitted_name_that_resolves_outside_the_listed_ranges_is_refused_when_it_is_connected_to()
    {
        var named = new Uri($"http://localhost:{_server.Server.Endpoint.Port}/mcp");
        var server = new ToolServer("test", named);

        Assert.Equal(
            "AR2016",
            await RefusalAsync(server with { Egress = EgressRules.Parse(["localhost", "10.0.0.0/8"]) }));
        Assert.Empty(_server.HeaderNames);
        Assert.Single(await _transport.ListAsync(
            server with { Egress = EgressRules.Parse(["localhost", "127.0.0.0/8", "::1/128"]) },
            CancellationToken.None));
    }

    [Fact]
    public async Task A_link_local_address_is_refused_without_any_rules() =>
        Assert.Equal("AR2016", await RefusalAsync(new("test", new Uri("http://169.254.169.254/mcp"))));

    [Fact]
    public async Task Where_the_operator_moved_a_server_the_rules_are_about_the_address_that_the_bundle_names()
    {
        var server = _server.Server with { NamedEndpoint = new Uri("https://shop.example/mcp") };

        Assert.Single(await _transport.ListAsync(
            server with { Egress = EgressRules.Parse(["shop.example"]) }, CancellationToken.None));
        Assert.Equal("AR2016", await RefusalAsync(server with { Egress = EgressRules.Parse(["127.0.0.1"]) }));
    }

    [Fact]
    public async Task No_credential_of_any_kind_is_sent()
    {
        await CallAsync();
        Assert.DoesNotContain(
            _server.HeaderNames,
            h => h.Contains("auth", StringComparison.OrdinalIgnoreCase)
                || h.Contains("cookie", StringComparison.OrdinalIgnoreCase)
                || h.Contains("key", StringComparison.OrdinalIgnoreCase));
        Assert.NotEmpty(_server.HeaderNames);
    }

    [Fact]
    public async Task A_tools_own_error_is_told_with_its_message()
    {
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text("out of stock", isError: true));
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal((ReasonCodes.ToolFailed, "out of stock"), (failed.Error.Code, failed.Error.Message));
    }

    [Fact]
    public async Task A_tool_that_throws_is_a_failed_tool()
    {
        _server.Do = (_, _) => throw new InvalidOperationException("boom");
        Assert.Equal(ReasonCodes.ToolFailed, Assert.IsType<ToolOutcome.Failed>(await CallAsync()).Error.Code);
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text("fine"));
        Assert.Equal(new ToolOutcome.Succeeded("fine"), await CallAsync());
    }

    [Theory]
    [InlineData("""{"content":null}""")]
    [InlineData("""{"content":[null]}""")]
    public async Task A_result_that_holds_nothing_is_an_empty_one(string result)
    {
        _server.Instead = async (request, context) =>
        {
            if (request.Method != "tools/call")
                return false;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(
                $$"""{"jsonrpc":"2.0","id":{{request.Id.Id}},"result":{{result}}}""");
            return true;
        };
        Assert.Equal(new ToolOutcome.Succeeded(""), await CallAsync());
    }

    [Fact]
    public async Task A_tool_that_hangs_times_out_and_the_next_call_works()
    {
        await CallAsync();
        _server.Do = async (_, token) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return TestToolServer.Text("never");
        };
        var impatient = _server.Server with { Timeout = TimeSpan.FromMilliseconds(200) };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync(impatient));
        Assert.Equal(ReasonCodes.ToolTimeout, failed.Error.Code);
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text("fine"));
        Assert.Equal(new ToolOutcome.Succeeded("fine"), await CallAsync());
    }

    [Fact]
    public async Task A_caller_that_cancels_gets_its_cancellation_not_an_error()
    {
        await CallAsync();
        using var cancel = new CancellationTokenSource();
        _server.Do = async (_, token) =>
        {
            await cancel.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
            return TestToolServer.Text("never");
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _transport.CallAsync(
            _server.Server, new ToolInvocation("do", NoArguments, "k"), cancel.Token));
    }

    [Fact]
    public async Task Where_nobody_listens_nothing_is_reached_and_nothing_hangs()
    {
        var nowhere = _server.Server with { Endpoint = new Uri("http://127.0.0.1:9/mcp") };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync(nowhere));
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
    }

    [Fact]
    public async Task A_server_that_is_no_mcp_server_is_unreachable()
    {
        var wrongPath = _server.Server with { Endpoint = new Uri(_server.Server.Endpoint, "/other") };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync(wrongPath));
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
    }

    private async Task<ToolOutcome> CallAsync(ToolServer? server = null) => await _transport.CallAsync(
        server ?? _server.Server, new ToolInvocation("do", NoArguments, "k"), CancellationToken.None);

    private async Task<string> RefusalAsync(ToolServer server)
    {
        var outcome = await _transport.CallAsync(
            server, new ToolInvocation("do", NoArguments, "run_1:1"), CancellationToken.None);
        return Assert.IsType<ToolOutcome.Failed>(outcome).Error.Code.ToString();
    }
}
