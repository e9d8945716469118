using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Embeddings;
using AgentRuntime.Node.Logging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Http;

/// <summary>Every address of the node.</summary>
internal static class NodeEndpoints
{
    public static void Map(WebApplication app, NodeService node)
    {
        var completions = new CompletionEndpoint(node);
        app.Use((context, next) => GuardAsync(context, next, node.Log));
        app.MapPost("/v1/chat/completions", context => completions.ServeAsync(context, isChat: true));
        app.MapPost("/v1/completions", context => completions.ServeAsync(context, isChat: false));
        app.MapPost("/v1/embeddings", context => EmbeddingEndpoint.ServeAsync(context, node));
        app.MapGet("/v1/models", context => JsonAsync(context, json => Models(json, node)));
        app.MapPost("/tokenize", context => TokenEndpoints.TokenizeAsync(context, node));
        app.MapPost("/detokenize", context => TokenEndpoints.DetokenizeAsync(context, node));
        app.MapGet("/health", context => Health(context, node));
        app.MapGet("/ping", context => Health(context, node));
        app.MapGet("/version", context => JsonAsync(context, json => Version(json, node)));
        app.MapGet("/metrics", context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            return context.Response.WriteAsync(node.Metrics.Render(node), context.RequestAborted);
        });
        app.MapPost("/kv/expect", context => KvEndpoints.ExpectAsync(context, node));
        app.MapGet("/kv/{id}", (HttpContext context, string id) => KvEndpoints.ManifestAsync(context, node, id));
        app.MapGet("/kv/{id}/segments/{index:int}", (HttpContext context, string id, int index) =>
            KvEndpoints.SegmentAsync(context, node, id, index));
        app.MapPost("/kv/{id}/heartbeat", (HttpContext context, string id) => KvEndpoints.Heartbeat(context, node, id));
        app.MapDelete("/kv/{id}", (HttpContext context, string id) => KvEndpoints.Release(context, node, id));
        app.MapFallback(context => ErrorResponse.WriteAsync(
            context, new(ReasonCodes.NotFound, $"nothing is at {context.Request.Method} {context.Request.Path}")));
    }

    /// <summary>Answers with one JSON object.</summary>
    public static async Task JsonAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        write(json);
        json.WriteEndObject();
        await json.FlushAsync(context.RequestAborted);
    }

    /// <summary>Turns what goes wrong into OpenAI's error object; a client that left gets nothing.</summary>
    private static async Task GuardAsync(HttpContext context, RequestDelegate next, ILogger log)
    {
        try
        {
            await next(context);
        }
        catch (RuntimeErrorException e)
        {
            await ErrorResponse.WriteAsync(context, e.Error);
        }
        catch (BadHttpRequestException e)
        {
            var code = e.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? ReasonCodes.BodyTooLarge
                : ReasonCodes.MalformedRequest;
            await ErrorResponse.WriteAsync(context, new(code, e.Message));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client is gone; what it had running was cancelled on the way here.
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            // A bug, of which a client is told no more than that. An answer that has begun is cut off instead. Its
            // path is not logged: the id of KV state is all that guards it. A connection that breaks is nobody's bug.
            if (e is not IOException) NodeLog.RequestFailed(log, context.GetEndpoint()?.DisplayName ?? "A request", e);
            if (context.Response.HasStarted) throw;
            await ErrorResponse.WriteAsync(context, new(
                ReasonCodes.EngineFailed, "the node failed to serve the request", "engine"));
        }
    }

    private static Task Health(HttpContext context, NodeService node)
    {
        context.Response.StatusCode = node.Engine.IsHealthy
            ? StatusCodes.Status200OK
            : StatusCodes.Status503ServiceUnavailable;
        return Task.CompletedTask;
    }

    private static void Version(Utf8JsonWriter json, NodeService node)
    {
        json.WriteString("version", typeof(NodeServer).Assembly.GetName().Version?.ToString(3));
        json.WriteString("engine", node.EngineName);
        json.WriteString("role", node.Options.Role.ToString().ToLowerInvariant());
        json.WriteString("model_sha256", node.Model.Digest);
        json.WriteString("kv_format", node.Model.StateFormat);
        json.WriteNumber("block_tokens", node.Options.BlockTokens);
        json.WriteString("kv_events", node.Events?.Endpoint);
        json.WriteString("kv_replay", node.Events?.ReplayEndpoint);
    }

    private static void Models(Utf8JsonWriter json, NodeService node)
    {
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        Model(json, node, node.ModelName, node.Model.Path, parent: null);
        foreach (var adapter in node.Model.Adapters) Model(json, node, adapter.Name, adapter.Path, node.ModelName);
        json.WriteEndArray();
    }

    private static void Model(Utf8JsonWriter json, NodeService node, string name, string path, string? parent)
    {
        json.WriteStartObject();
        json.WriteString("id", name);
        json.WriteString("object", "model");
        json.WriteNumber("created", 0);
        json.WriteString("owned_by", "agentruntime");
        json.WriteString("root", Path.GetFileName(path));
        json.WriteString("parent", parent);
        json.WriteNumber("max_model_len", node.ContextTokens);
        json.WriteEndObject();
    }
}
