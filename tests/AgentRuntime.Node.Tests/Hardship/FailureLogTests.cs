using System.Text.Json.Nodes;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Logging;
using AgentRuntime.Node.Simulation;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Hardship;

/// <summary>What only a bug can cause leaves a trace, and no more of it than can be read.</summary>
public sealed class FailureLogTests
{
    private const string Id = "0123456789abcdef0123456789abcdef";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_failure_over_http_is_logged_with_its_stack_and_without_the_prompt()
    {
        using var log = new LogBook();
        await using var node = await NodeServer.StartAsync(DemoNode.Options, logging: log);
        node.Service.Client.Dispose();
        var body = DemoNode.Chat("a secret prompt");
        body["kv_transfer_params"] = JsonNode.Parse(Transfer);
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.Equal((500, "AR4003"), (status, (string?)json["error"]!["code"]));
        var entry = Assert.Single(log.Entries);
        Assert.Equal(4700, entry.Id);
        Assert.Contains("POST /v1/chat/completions", entry.Text, StringComparison.Ordinal);
        Assert.Contains(" at ", entry.Exception!.ToString(), StringComparison.Ordinal);
        Assert.IsType<ObjectDisposedException>(entry.Exception);
        Assert.DoesNotContain("secret", entry.Text + entry.Exception, StringComparison.Ordinal);

        // A refusal is no failure.
        await DemoNode.PostAsync(node, "/v1/chat/completions", new() { ["messages"] = "none" });
        Assert.Single(log.Entries);
    }

    [Fact]
    public async Task A_failure_over_grpc_is_logged()
    {
        using var log = new LogBook();
        await using var node = await NodeServer.StartAsync(DemoNode.Options with { GrpcPort = 0 }, logging: log);
        node.Service.Client.Dispose();
        using var channel = new RpcChannel(node.GrpcAddress!);
        var request = new GenerateRequest { RequestId = "1", Text = "hello", KvTransferParamsJson = Transfer };
        await using var call = channel.ServerStreaming(VllmEngine.Generate, request);
        await Assert.ThrowsAsync<RpcException>(call.ReadOnlyAsync);

        var entry = Assert.Single(log.Entries);
        Assert.Equal(4800, entry.Id);
        Assert.IsType<ObjectDisposedException>(entry.Exception);
    }

    [Fact]
    public async Task State_whose_fetching_fails_is_logged_and_not_waited_for()
    {
        using var log = new LogBook();
        await using var node = await NodeServer.StartAsync(DemoNode.Options, logging: log);
        node.Service.Client.Dispose();
        var from = new Node.Transfer.KvTransferParams
        {
            RemotePrefill = true, RequestId = Id, Host = "127.0.0.1", Port = 1,
        };
        Assert.True(node.Service.Expectations.Begin(from));

        // It ends by itself, or is taken and turns out to be nothing.
        Assert.Null(await node.Service.Expectations.TakeAsync(Id, CancellationToken.None).WaitAsync(Patience));
        var entry = Assert.Single(log.Entries);
        Assert.Equal(4702, entry.Id);
        Assert.Equal(0, node.Service.Expectations.Count);
    }

    [Fact]
    public async Task An_engine_that_fails_says_why()
    {
        using var log = new LogBook();
        var options = new NodeOptions { ModelPath = "simulated", Simulation = new(), ContextTokens = 1024 };
        using var model = new SimulatedModel(options.Simulation!, TimeProvider.System);
        using var engine = new EngineLoop(model, options, TimeProvider.System, log: log);
        engine.Submit(new(null!, 4, new()));
        await engine.Stopped.WaitAsync(Patience);

        var entry = Assert.Single(log.Entries);
        Assert.Equal(4701, entry.Id);
        Assert.NotNull(entry.Exception!.StackTrace);
    }

    [Fact]
    public void A_flood_is_counted_instead_of_logged()
    {
        using var log = new LogBook();
        var time = new ManualTime();
        var bounded = new BoundedLogger(log, time);
        void Fail(int times)
        {
            for (var i = 0; i < times; i++) NodeLog.RequestFailed(bounded, "POST /", new InvalidDataException());
        }

        Fail(BoundedLogger.Burst + 30);
        Assert.Equal(BoundedLogger.Burst, log.Entries.Count);
        time.Advance(TimeSpan.FromSeconds(2));
        Fail(5);
        Assert.Equal([4703, 4700, 4700], log.Entries.Skip(BoundedLogger.Burst).Select(e => e.Id));
        Assert.StartsWith("30 entries", log.Entries[BoundedLogger.Burst].Text, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromDays(1));
        Fail(BoundedLogger.Burst + 1);
        Assert.Equal((2 * BoundedLogger.Burst) + 4, log.Entries.Count);
    }

    private static string Transfer =>
        $$"""{"do_remote_prefill":true,"remote_request_id":"{{Id}}","remote_host":"127.0.0.1","remote_port":1}""";
}
