using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Speaks HTTP to engines over pooled connections: opens streams, runs prefill legs and probes. Follows no redirects
/// and uses no proxy or cookies, so that a prompt goes where configuration says and nowhere else. Thread-safe.
/// </summary>
internal sealed class EngineClient : IDisposable
{
    private const int MaxErrorBytes = 64 << 10;

    // Without HttpClient's own deadline and its list of what is under way: legs have theirs.
    private readonly HttpMessageInvoker _http;
    private readonly GrpcEngineHandler _grpc;
    private readonly EngineRouterOptions _options;
    private readonly TimeProvider _time;

    public EngineClient(EngineRouterOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _grpc = new GrpcEngineHandler(options, time, new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = true,
            MaxConnectionsPerServer = options.MaxConnectionsPerEngine,

            // Draining what is left of an abandoned answer would keep the engine generating it.
            MaxResponseDrainSize = 0,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            UseCookies = false,
            UseProxy = false,
        });
        _http = new HttpMessageInvoker(_grpc);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Closes what is open to an engine that has left; it opens anew for whoever asks it again.</summary>
    public void Forget(Engine engine) => _grpc.Forget(engine.Descriptor.BaseAddress);

    /// <summary>Sends a request and answers once the engine has accepted it and its stream has begun.</summary>
    /// <param name="engine">Whom to ask.</param>
    /// <param name="operation">What the client asked for.</param>
    /// <param name="body">The leg's body.</param>
    /// <param name="requestId">The leg's id.</param>
    /// <param name="textForChat">Whether a chat is gone on with as a text completion.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="EngineFailure">It did not.</exception>
    public async Task<EngineStream> OpenAsync(
        Engine engine,
        InferenceOperation operation,
        ReadOnlyMemory<byte> body,
        string requestId,
        bool textForChat,
        CancellationToken cancellationToken)
    {
        var watch = new LegWatch(_time, _options.FirstTokenTimeout, cancellationToken);
        HttpResponseMessage? response = null;
        try
        {
            using var request = Post(
                engine, PathOf(textForChat ? InferenceOperation.Completion : operation), body, requestId);
            response = await _http.SendAsync(request, watch.Token);
            if (!response.IsSuccessStatusCode)
                throw await RefusalAsync(engine, response, watch.Token);

            var content = await response.Content.ReadAsStreamAsync(watch.Token);
            var stream = new EngineStream(engine, response, content, watch, _options, textForChat);
            response = null;
            watch = null;
            return stream;
        }
        catch (OperationCanceledException) when (watch is { TimedOut: true })
        {
            throw EngineFailure.TimedOut(engine, "first token");
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw EngineFailure.NotConnected(engine, e);
        }
        catch (HttpRequestException e)
        {
            throw EngineFailure.From(engine, e);
        }
        catch (IOException e)
        {
            throw EngineFailure.CutShort(engine, e);
        }
        finally
        {
            response?.Dispose();
            watch?.Dispose();
        }
    }

    /// <summary>Runs a prefill leg to its end; null when the engine read the prompt but gives no KV state.</summary>
    /// <exception cref="EngineFailure">The engine refused, failed or did not answer in time.</exception>
    public async Task<PrefillAnswer?> PrefillAsync(
        Engine engine,
        InferenceOperation operation,
        ReadOnlyMemory<byte> body,
        string requestId,
        CancellationToken cancellationToken)
    {
        using var watch = new LegWatch(_time, _options.PrefillTimeout, cancellationToken);
        try
        {
            using var request = Post(engine, PathOf(operation), body, requestId);
            using var response = await _http.SendAsync(request, watch.Token);
            if (!response.IsSuccessStatusCode)
                throw await RefusalAsync(engine, response, watch.Token);

            return PrefillAnswer.Read(await ReadAsync(response, _options.MaxChunkBytes, watch.Token));
        }
        catch (OperationCanceledException) when (watch.TimedOut)
        {
            throw EngineFailure.TimedOut(engine, "prefill");
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw EngineFailure.NotConnected(engine, e);
        }
        catch (HttpRequestException e)
        {
            throw EngineFailure.From(engine, e);
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidDataException
            or InvalidOperationException)
        {
            throw EngineFailure.Malformed(engine, e);
        }
    }

    /// <summary>Has an engine embed.</summary>
    /// <exception cref="EngineFailure">It did not.</exception>
    public async Task<byte[]> EmbedAsync(
        Engine engine, ReadOnlyMemory<byte> body, string requestId, CancellationToken cancellationToken)
    {
        using var watch = new LegWatch(_time, _options.PrefillTimeout, cancellationToken);
        try
        {
            using var request = Post(engine, PathOf(InferenceOperation.Embedding), body, requestId);
            using var response = await _http.SendAsync(request, watch.Token);
            return response.IsSuccessStatusCode
                ? await ReadAsync(response, _options.MaxEmbeddingBytes, watch.Token)
                : throw await RefusalAsync(engine, response, watch.Token);
        }
        catch (OperationCanceledException) when (watch.TimedOut)
        {
            throw EngineFailure.TimedOut(engine, "embeddings");
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw EngineFailure.NotConnected(engine, e);
        }
        catch (HttpRequestException e)
        {
            throw EngineFailure.From(engine, e);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw EngineFailure.Malformed(engine, e);
        }
    }

    /// <summary>Has an engine tokenize (vLLM's <c>/tokenize</c>).</summary>
    /// <exception cref="EngineFailure">It did not.</exception>
    public async Task<int[]> TokenizeAsync(
        Engine engine, ReadOnlyMemory<byte> body, string requestId, CancellationToken cancellationToken)
    {
        using var watch = new LegWatch(_time, _options.PrefillTimeout, cancellationToken);
        try
        {
            using var request = Post(engine, "tokenize", body, requestId);
            using var response = await _http.SendAsync(request, watch.Token);
            if (!response.IsSuccessStatusCode)
                throw await RefusalAsync(engine, response, watch.Token);

            using var answer = JsonDocument.Parse(await ReadAsync(response, _options.MaxChunkBytes, watch.Token));
            return [.. answer.RootElement.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];
        }
        catch (OperationCanceledException) when (watch.TimedOut)
        {
            throw EngineFailure.TimedOut(engine, "tokens");
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw EngineFailure.NotConnected(engine, e);
        }
        catch (HttpRequestException e)
        {
            throw EngineFailure.From(engine, e);
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidDataException
            or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw EngineFailure.Malformed(engine, e);
        }
    }

    /// <summary>Asks an engine how it is and what it serves; unhealthy when it does not answer well.</summary>
    public async Task<EngineHealth> ProbeAsync(Engine engine, CancellationToken cancellationToken)
    {
        // A probe is nobody's request: it must not become part of whatever trace happens to be current.
        Activity.Current = null;
        using var watch = new LegWatch(_time, _options.ProbeTimeout, cancellationToken);
        try
        {
            if (engine.Descriptor.HasVllmEndpoints)
            {
                // SGLang's /health answers as soon as its HTTP server does: coming back takes a generated token.
                var path = engine.Descriptor.Kind == EngineKind.SgLang && !engine.Health.Healthy
                    ? "health_generate"
                    : "health";
                using var health = await GetAsync(engine, path, watch.Token);
                if (!health.IsSuccessStatusCode)
                    return EngineHealth.Unknown;
            }

            using var models = await GetAsync(engine, "v1/models", watch.Token);
            if (!models.IsSuccessStatusCode)
                return EngineHealth.Unknown;

            var served = ModelListReader.Read(
                await ReadAsync(models, _options.MaxChunkBytes, watch.Token), engine.Descriptor);
            var reportsLoad = engine.Descriptor.HasVllmEndpoints
                && (engine.Health.ReportsLoad || await LoadAsync(engine, watch.Token) is not null);
            return new EngineHealth(true, served, reportsLoad)
            {
                KvEvents = engine.Descriptor is { Kind: EngineKind.Node, KvEvents: null }
                    ? await AnnouncedEventsAsync(engine, watch.Token)
                    : null,
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException or InvalidDataException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return EngineHealth.Unknown with { Late = watch.TimedOut };
        }
    }

    /// <summary>Where the bundled node says that it publishes KV events; null for nowhere.</summary>
    private async Task<KvEventEndpoints?> AnnouncedEventsAsync(Engine engine, CancellationToken cancellationToken)
    {
        using var version = await GetAsync(engine, "version", cancellationToken);
        if (!version.IsSuccessStatusCode)
            return null;
        using var json = JsonDocument.Parse(await ReadAsync(version, _options.MaxChunkBytes, cancellationToken));
        return json.RootElement.ValueKind == JsonValueKind.Object
            ? KvEventEndpoints.Announced(
                engine.Descriptor.BaseAddress,
                AnswerAssembly.Text(json.RootElement, "kv_events"),
                AnswerAssembly.Text(json.RootElement, "kv_replay"))
            : null;
    }

    /// <summary>
    /// Reads an engine's load from its metrics; null when it has none that are understood, or not now.
    /// </summary>
    public async Task<EngineReport?> LoadAsync(Engine engine, CancellationToken cancellationToken)
    {
        Activity.Current = null;
        using var watch = new LegWatch(_time, _options.ProbeTimeout, cancellationToken);
        try
        {
            using var metrics = await GetAsync(engine, "metrics", watch.Token);
            return metrics.IsSuccessStatusCode
                ? MetricsReader.Read(await ReadAsync(metrics, _options.MaxChunkBytes, watch.Token))
                : null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>
    /// Tells an engine that KV state that it holds for another, or has fetched ahead, is not wanted. That it is gone
    /// already is no failure.
    /// </summary>
    /// <param name="engine">Whom to tell, at its own address.</param>
    /// <param name="id">The state's: 32 hexadecimal digits.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="HttpRequestException">It cannot be reached.</exception>
    public async Task ReleaseKvAsync(Engine engine, string id, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Delete, engine, engine.AddressOfKv(id));
        using var response = await _http.SendAsync(request, cancellationToken);
    }

    private static async Task<EngineFailure> RefusalAsync(
        Engine engine, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        byte[] body;
        try
        {
            body = await ReadAsync(response, MaxErrorBytes, cancellationToken);
        }
        catch (InvalidDataException)
        {
            body = [];
        }

        return EngineFailure.FromAnswer(engine, response.StatusCode, body);
    }

    private static async Task<byte[]> ReadAsync(
        HttpResponseMessage response, int maxBytes, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var bytes = new ArrayBufferWriter<byte>(4096);
        while (await stream.ReadAsync(bytes.GetMemory(4096), cancellationToken) is var read and > 0)
        {
            bytes.Advance(read);
            if (bytes.WrittenCount > maxBytes)
                throw new InvalidDataException($"an answer is longer than {maxBytes} bytes");
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static string PathOf(InferenceOperation operation) => operation switch
    {
        InferenceOperation.Chat => "v1/chat/completions",
        InferenceOperation.Embedding => "v1/embeddings",
        _ => "v1/completions",
    };

    private static HttpRequestMessage Post(
        Engine engine, string path, ReadOnlyMemory<byte> body, string requestId)
    {
        var request = Request(HttpMethod.Post, engine, engine.AddressOf(path));
        request.Content = new ReadOnlyMemoryContent(body);
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        request.Headers.TryAddWithoutValidation("X-Request-Id", requestId);
        return request;
    }

    private async Task<HttpResponseMessage> GetAsync(Engine engine, string path, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Get, engine, engine.AddressOf(path));
        return await _http.SendAsync(request, cancellationToken);
    }

    private static HttpRequestMessage Request(HttpMethod method, Engine engine, Uri address)
    {
        var request = new HttpRequestMessage(method, address);
        request.Headers.Authorization = engine.Authorization;
        request.Options.Set(GrpcEngineHandler.IsSglang, engine.Descriptor.Kind == EngineKind.SgLang);
        return request;
    }
}
