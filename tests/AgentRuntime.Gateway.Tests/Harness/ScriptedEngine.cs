using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// An OpenAI-compatible server over a real socket that does what a test says: the peer for faults that a real engine
/// does not show on demand. By default it answers with <see cref="Words"/>, and moves KV state by name only.
/// </summary>
internal sealed class ScriptedEngine : IAsyncDisposable
{
    private static readonly int[] RemoteBlocks = [1, 2];
    private readonly WebApplication _app;

    private ScriptedEngine(WebApplication app, string name)
    {
        _app = app;
        Name = name;
        Answer = AnswerWithWordsAsync;
        Tokenize = TokenizeAsync;
        Release = static _ => Task.CompletedTask;
    }

    public string Name { get; }

    public Uri Address { get; private set; } = new("http://127.0.0.1");

    public string Model { get; init; } = "m";

    public string[] Words { get; set; } = ["Hello", ",", " world"];

    /// <summary>LoRA adapters that it lists beside its model.</summary>
    public string[] Adapters { get; set; } = [];

    public bool Healthy { get; set; } = true;

    /// <summary>What is waited for before <c>/health</c> answers.</summary>
    public Func<HttpContext, Task> Probed { get; set; } = _ => Task.CompletedTask;

    /// <summary>What <c>/v1/models</c> answers; null for <see cref="Model"/> and <see cref="Adapters"/>.</summary>
    public string? Models { get; set; }

    /// <summary>What <c>/metrics</c> answers; null for nothing there.</summary>
    public string? Metrics { get; set; }

    /// <summary>What to do with a request; the body is parsed already.</summary>
    public Func<HttpContext, JsonElement, Task> Answer { get; set; }

    /// <summary>How often SGLang's <c>/health_generate</c> was asked.</summary>
    public int Generated { get; set; }

    /// <summary>How often <c>/metrics</c> was read.</summary>
    public int Scraped { get; set; }

    /// <summary>What to do with <c>/tokenize</c>.</summary>
    public Func<HttpContext, Task> Tokenize { get; set; }

    /// <summary>How often <c>/tokenize</c> was asked.</summary>
    public int Tokenized { get; set; }

    /// <summary>What is waited for before <c>DELETE /kv/{id}</c> answers.</summary>
    public Func<HttpContext, Task> Release { get; set; }

    /// <summary>The ids of KV state that was said not to be wanted, each with the credential.</summary>
    public ConcurrentQueue<(string Id, string Authorization)> Released { get; } = new();

    /// <summary>Every inference request so far.</summary>
    public ConcurrentQueue<SeenRequest> Seen { get; } = new();

    /// <summary>Completes when a request's connection was broken before its answer was whole.</summary>
    public TaskCompletionSource ClientGone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EngineDescriptor Descriptor => new(Name, Address, EngineKind.Vllm);

    public static async Task<ScriptedEngine> StartAsync(string name, string model = "m")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var engine = new ScriptedEngine(app, name) { Model = model };
        app.MapGet("/health", async (HttpContext c) =>
        {
            await engine.Probed(c);
            c.Response.StatusCode = engine.Healthy ? 200 : 503;
        });
        app.MapGet("/health_generate", (HttpContext c) =>
        {
            engine.Generated++;
            c.Response.StatusCode = engine.Healthy ? 200 : 503;
        });
        app.MapGet("/v1/models", (HttpContext c) => c.Response.WriteAsync(engine.Models ?? JsonSerializer.Serialize(new
        {
            @object = "list",
            data = engine.Adapters.Select(a => (a, (string?)engine.Model)).Prepend((engine.Model, null))
                .Select(m => new { id = m.Item1, @object = "model", parent = m.Item2, max_model_len = 4096 }),
        })));
        app.MapPost("/v1/chat/completions", engine.HandleAsync);
        app.MapPost("/v1/completions", engine.HandleAsync);
        app.MapPost("/v1/embeddings", engine.HandleAsync);
        app.MapPost("/tokenize", (HttpContext c) => engine.Tokenize(c));
        app.MapDelete("/kv/{id}", async (HttpContext c, string id) =>
        {
            engine.Released.Enqueue((id, c.Request.Headers.Authorization.ToString()));
            await engine.Release(c);
            c.Response.StatusCode = 204;
        });
        app.MapGet("/metrics", (HttpContext c) =>
        {
            engine.Scraped++;
            return engine.Metrics is { } metrics ? c.Response.WriteAsync(metrics) : RefuseAsync(c, 404);
        });
        await app.StartAsync();
        engine.Address = new Uri(app.Services
            .GetRequiredService<Microsoft.AspNetCore.Hosting.Server.IServer>()
            .Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return engine;
    }

    public static Task WriteEventAsync(HttpContext context, string data) =>
        context.Response.WriteAsync($"data: {data}\n\n").ContinueWith(
            _ => context.Response.Body.FlushAsync(), TaskScheduler.Default).Unwrap();

    public static Task RefuseAsync(HttpContext context, int status, string body = "{}")
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(body);
    }

    public string Chunk(string text, bool chat = true) => chat
        ? ChatChunk(new { content = text }, null)
        : JsonSerializer.Serialize(new
        {
            id = $"c-{Name}",
            @object = "text_completion",
            created = 7,
            model = Model,
            choices = new[] { new { index = 0, text, finish_reason = (string?)null } },
        });

    public string Role() => ChatChunk(new { role = "assistant", content = "" }, null);

    public string Finish(string reason = "stop") => ChatChunk(new { }, reason);

    public string ChatChunk(object delta, string? finishReason, int index = 0) => JsonSerializer.Serialize(new
    {
        id = $"c-{Name}",
        @object = "chat.completion.chunk",
        created = 7,
        model = Model,
        choices = new[] { new { index, delta, finish_reason = finishReason } },
    });

    public string Usage(int prompt, int cached, int output) => JsonSerializer.Serialize(new
    {
        id = $"c-{Name}",
        @object = "chat.completion.chunk",
        created = 7,
        model = Model,
        choices = Array.Empty<object>(),
        usage = new
        {
            prompt_tokens = prompt,
            completion_tokens = output,
            total_tokens = prompt + output,
            prompt_tokens_details = new { cached_tokens = cached },
        },
    });

    public static bool IsPrefill(JsonElement body) =>
        body.TryGetProperty("kv_transfer_params", out var kv) && kv.GetProperty("do_remote_decode").GetBoolean();

    /// <summary>Answers a prefill leg: the state has the id that it is asked to have, or another.</summary>
    public Task PrefillAsync(HttpContext context, int cached = 3, string? kvId = null) =>
        context.Response.WriteAsync(PrefillAnswer(cached, kvId));

    public string PrefillAnswer(int cached = 3, string? kvId = null)
    {
        var answer = JsonSerializer.SerializeToNode(new
        {
            id = "p",
            usage = new
            {
                prompt_tokens = 10,
                completion_tokens = 1,
                prompt_tokens_details = new { cached_tokens = cached },
            },
            kv_transfer_params = new
            {
                do_remote_prefill = true,
                do_remote_decode = false,
                remote_engine_id = Name,
                remote_block_ids = RemoteBlocks,
                remote_host = "127.0.0.1",
                remote_port = 9,
            },
        })!;
        if (kvId is not null)
            answer["kv_transfer_params"]!["remote_request_id"] = kvId;
        return answer.ToJsonString();
    }

    public async Task AnswerWithWordsAsync(HttpContext context, JsonElement body)
    {
        if (IsPrefill(body))
        {
            await PrefillAsync(context);
            return;
        }

        var chat = context.Request.Path.Value!.Contains("chat", StringComparison.Ordinal);
        if (!context.Response.HasStarted)
            context.Response.ContentType = "text/event-stream";
        if (chat)
            await WriteEventAsync(context, Role());
        foreach (var word in Words)
            await WriteEventAsync(context, Chunk(word, chat));
        await WriteEventAsync(context, Finish());
        await WriteEventAsync(context, Usage(10, 4, Words.Length));
        await WriteEventAsync(context, "[DONE]");
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>A chat is the tokens 1 to 3; a text has a token 100 for each word.</summary>
    private async Task TokenizeAsync(HttpContext context)
    {
        Tokenized++;
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var tokens = body.RootElement.TryGetProperty("prompt", out var prompt)
            ? prompt.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(_ => 100)
            : [1, 2, 3];
        await context.Response.WriteAsync(JsonSerializer.Serialize(new { tokens }));
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync();
        var body = JsonDocument.Parse(text).RootElement;
        Seen.Enqueue(new SeenRequest(
            context.Request.Path.Value!,
            body,
            context.Request.Headers.ToDictionary(
                h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
        context.RequestAborted.Register(() => ClientGone.TrySetResult());
        try
        {
            await Answer(context, body);
        }
        catch (OperationCanceledException)
        {
            // The router went away, as some tests want.
        }
    }
}

/// <summary>A request as an engine saw it. Immutable.</summary>
internal sealed record SeenRequest(string Path, JsonElement Body, IReadOnlyDictionary<string, string> Headers);
