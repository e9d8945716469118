using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace AgentRuntime.Samples.Shop;

/// <summary>
/// MCP over streamable HTTP without sessions: each POST is answered by a server of its own, so that any instance can
/// answer any request (MCP 2026-07-28; 2025-11-25 clients initialize first and get along too). Thread-safe.
/// </summary>
internal sealed class McpEndpoint(ShopTools tools)
{
    public const int MaxRequestBytes = 1 << 20;

    private readonly McpServerOptions _options = new()
    {
        ServerInfo = new Implementation { Name = "shop", Version = "1.0.0" },
        Capabilities = new ServerCapabilities { Tools = new ToolsCapability() },
        Handlers = new McpServerHandlers
        {
            ListToolsHandler = (_, _) =>
                ValueTask.FromResult(new ListToolsResult { Tools = [.. ShopTools.Descriptions] }),
            CallToolHandler = (request, _) => ValueTask.FromResult(tools.Call(request.Params)),
        },
    };

    public async Task HandleAsync(HttpContext context)
    {
        var message = await ReadAsync(context);
        if (message is null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        message.Context ??= new JsonRpcMessageContext();
        message.Context.ProtocolVersion = context.Request.Headers["MCP-Protocol-Version"].FirstOrDefault();
        await using var transport = new StreamableHttpServerTransport { Stateless = true };
        await using var server = McpServer.Create(transport, _options);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var serving = server.RunAsync(stop.Token);

        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache,no-store";
        if (!await transport.HandlePostRequestAsync(message, context.Response.Body, context.RequestAborted))
        {
            context.Response.ContentType = null;
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }

        await stop.CancelAsync();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<JsonRpcMessage?> ReadAsync(HttpContext context)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(
                context.Request.Body,
                (System.Text.Json.Serialization.Metadata.JsonTypeInfo<JsonRpcMessage>)
                    McpJsonUtilities.DefaultOptions.GetTypeInfo(typeof(JsonRpcMessage)),
                context.RequestAborted);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
