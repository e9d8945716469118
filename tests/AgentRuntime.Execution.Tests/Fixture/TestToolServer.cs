using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace AgentRuntime.Execution.Tests;

/// <summary>An MCP server over HTTP with one tool, <c>do</c>, whose behaviour a test writes in C#.</summary>
internal sealed class TestToolServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _answers;

    private TestToolServer(WebApplication app) => _app = app;

    public string Schema { get; set; } = """{"type":"object"}""";

    public Func<CallToolRequestParams, CancellationToken, ValueTask<CallToolResult>> Do { get; set; } =
        (_, _) => ValueTask.FromResult(Text("done"));

    /// <summary>Answers a request in place of the server; false leaves it to the server. Null for always.</summary>
    public Func<JsonRpcRequest, HttpContext, Task<bool>>? Instead { get; set; }

    public ConcurrentQueue<string> Methods { get; } = [];

    /// <summary>What the client has answered to questions of the server.</summary>
    public int Answers => Volatile.Read(ref _answers);

    public ConcurrentQueue<string> HeaderNames { get; } = [];

    public ConcurrentQueue<CallToolRequestParams> Calls { get; } = [];

    public ToolServer Server { get; private set; } = null!;

    public static CallToolResult Text(string text, bool isError = false) =>
        new() { IsError = isError, Content = [new TextContentBlock { Text = text }] };

    public static async Task<TestToolServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new TestToolServer(app);
        app.MapPost("/mcp", server.AnswerAsync);
        await app.StartAsync();
        server.Server = new ToolServer(
            "test", new Uri($"{app.Urls.Single()}/mcp")) { Timeout = TimeSpan.FromSeconds(20) };
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        foreach (var name in context.Request.Headers.Keys)
            HeaderNames.Enqueue(name);
        var message = (await JsonSerializer.DeserializeAsync<JsonRpcMessage>(
            context.Request.Body, McpJsonUtilities.DefaultOptions, context.RequestAborted))!;
        if (message is JsonRpcRequest request)
        {
            Methods.Enqueue(request.Method);
            if (Instead is { } instead && await instead(request, context))
                return;
        }
        else if (message is JsonRpcResponse or JsonRpcError)
        {
            Interlocked.Increment(ref _answers);
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            return;
        }
        message.Context = new JsonRpcMessageContext
        {
            ProtocolVersion = context.Request.Headers["MCP-Protocol-Version"],
        };
        await using var transport = new StreamableHttpServerTransport { Stateless = true };
        await using var server = McpServer.Create(transport, new McpServerOptions
        {
            ServerInfo = new Implementation { Name = "test", Version = "1.0.0" },
            Capabilities = new ServerCapabilities { Tools = new ToolsCapability() },
            Handlers = new McpServerHandlers
            {
                ListToolsHandler = (_, _) => ValueTask.FromResult(new ListToolsResult
                {
                    Tools = [new Tool { Name = "do", Description = "does", InputSchema = JsonElement.Parse(Schema) }],
                }),
                CallToolHandler = (call, token) =>
                {
                    Calls.Enqueue(call.Params!);
                    return Do(call.Params!, token);
                },
            },
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var running = server.RunAsync(stop.Token);
        context.Response.ContentType = "text/event-stream";
        if (!await transport.HandlePostRequestAsync(message, context.Response.Body, context.RequestAborted))
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
