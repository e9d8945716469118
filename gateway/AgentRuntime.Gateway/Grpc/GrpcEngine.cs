using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Gateway;

/// <summary>
/// One engine behind gRPC: each of the HTTP addresses that the router uses, by the method that has it. Thread-safe.
/// </summary>
internal sealed class GrpcEngine : IDisposable
{
    /// <summary>What our own node calls itself: the only engine whose gRPC keeps tenants' KV blocks apart.</summary>
    private const string OwnServer = "agentruntime-node";

    /// <summary>
    /// Probes in a row without an answer after which the connection is given up: as many as show it as unhealthy.
    /// </summary>
    private const int LateBeforeReconnect = 2;

    private const string KvPath = "kv/";
    private static readonly TimeSpan ReleaseWithin = TimeSpan.FromSeconds(2);

    private readonly RpcChannel _channel;
    private readonly EngineDialect _dialect;
    private readonly GrpcTokenizer _tokenizer;
    private readonly TimeProvider _time;
    private readonly long _bornAt;
    private readonly double _bornAtUnixSeconds;
    private readonly Lock _startLock = new();
    private readonly ProcessStart _start = new();
    private volatile SamplingDefaults? _defaults;
    private int _late;

    public GrpcEngine(Uri address, bool isSglang, EngineRouterOptions options, TimeProvider time)
    {
        _time = time;
        _bornAt = time.GetTimestamp();
        _bornAtUnixSeconds = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        _channel = new(
            address, new() { ConnectTimeout = options.ConnectTimeout, MaxReceiveBytes = options.MaxChunkBytes }, time);
        _dialect = isSglang ? new SglangDialect(_channel) : new VllmDialect(_channel);
        _tokenizer = new(_dialect, options, time);
    }

    /// <exception cref="HttpRequestException">The engine cannot be reached.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath.TrimStart('/');
        try
        {
            return path switch
            {
                "health" or "health_generate" => await HealthAsync(request, cancellationToken),
                "metrics" => await MetricsAsync(request, cancellationToken),
                "version" => Json(static _ => { }),
                "v1/models" => await ModelsAsync(request, cancellationToken),
                "tokenize" => await TokenizeAsync(request, cancellationToken),
                "v1/completions" => await GenerateAsync(request, isChat: false, cancellationToken),
                "v1/chat/completions" => await GenerateAsync(request, isChat: true, cancellationToken),
                _ when request.Method == HttpMethod.Delete && path.StartsWith(KvPath, StringComparison.Ordinal) =>
                    await ReleaseAsync(request, path[KvPath.Length..]),
                _ => Refusal(
                    HttpStatusCode.NotFound, ReasonCodes.NotFound.ToString(), "gRPC has no such method"),
            };
        }
        catch (RpcException e) when (e.Status.Code == RpcStatusCode.Unavailable && e.Trailers.Count == 0)
        {
            if (path is "health" or "health_generate")
                _tokenizer.Forget();
            throw new HttpRequestException(HttpRequestError.ConnectionError, e.Status.Message, e);
        }
        catch (RpcException e)
        {
            var code = GrpcError.CodeOf(e);
            // What is too large for one engine makes none busy: only our own node tells the two apart.
            var status = code == ReasonCodes.BodyTooLarge.ToString()
                ? HttpStatusCode.RequestEntityTooLarge
                : StatusOf(e.Status.Code);
            return Refusal(status, code, e.Status.Message);
        }
        catch (LegRefusal e)
        {
            return Refusal(HttpStatusCode.BadRequest, e.Code.ToString(), e.Message);
        }
    }

    /// <summary>
    /// Ends its connections. Prompts may still be tokenized: what has been fetched for that is left to its finalizer.
    /// </summary>
    public void Close() => _channel.Dispose();

    public void Dispose()
    {
        Close();
        _tokenizer.Dispose();
    }

    private static HttpStatusCode StatusOf(RpcStatusCode code) => code switch
    {
        RpcStatusCode.InvalidArgument or RpcStatusCode.OutOfRange => HttpStatusCode.BadRequest,
        RpcStatusCode.Unauthenticated => HttpStatusCode.Unauthorized,
        RpcStatusCode.PermissionDenied => HttpStatusCode.Forbidden,
        RpcStatusCode.NotFound => HttpStatusCode.NotFound,
        RpcStatusCode.FailedPrecondition => HttpStatusCode.Conflict,
        RpcStatusCode.ResourceExhausted => HttpStatusCode.TooManyRequests,
        RpcStatusCode.Unimplemented => HttpStatusCode.NotImplemented,
        RpcStatusCode.Unavailable or RpcStatusCode.Aborted or RpcStatusCode.Cancelled =>
            HttpStatusCode.ServiceUnavailable,
        RpcStatusCode.DeadlineExceeded => HttpStatusCode.GatewayTimeout,
        _ => HttpStatusCode.InternalServerError,
    };

    private async Task<HttpResponseMessage> HealthAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await AskHealthAsync(request, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            if (Interlocked.Increment(ref _late) % LateBeforeReconnect == 0)
                _channel.Reconnect();
            throw;
        }
    }

    private async Task<HttpResponseMessage> AskHealthAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!await _dialect.IsHealthyAsync(With(request), cancellationToken))
            return new(HttpStatusCode.ServiceUnavailable);
        // An engine whose tokens cannot be read is of no use.
        await _tokenizer.GetAsync(With(request), cancellationToken);
        Volatile.Write(ref _late, 0);
        return new(HttpStatusCode.OK);
    }

    private async Task<HttpResponseMessage> ModelsAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (await StartedAsync(With(request), cancellationToken) is var (earliest, latest))
            _tokenizer.Observe(earliest, latest);

        var model = await _dialect.ModelAsync(With(request), cancellationToken);
        _tokenizer.Observe(model.Identity);
        _defaults = SamplingDefaults.Read(model.DefaultSampling);
        return Json(json =>
        {
            json.WriteString("object"u8, "list"u8);
            json.WriteStartArray("data"u8);
            json.WriteStartObject();
            json.WriteString("id"u8, model.Name);
            json.WriteString("object"u8, "model"u8);
            json.WriteNumber("max_model_len"u8, model.ContextTokens);
            json.WriteEndObject();
            json.WriteEndArray();
        });
    }

    private async Task<HttpResponseMessage> MetricsAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var loads = await _dialect.LoadsAsync(With(request), cancellationToken);
        var started = await StartedAsync(With(request), cancellationToken);
        var text = new StringBuilder();
        foreach (var load in loads)
        {
            var rank = load.DpRank;
            text.Append(CultureInfo.InvariantCulture,
                    $"vllm:num_requests_running{{engine=\"{rank}\"}} {load.NumRunningReqs}\n")
                .Append(CultureInfo.InvariantCulture,
                    $"vllm:num_requests_waiting{{engine=\"{rank}\"}} {load.NumWaitingReqs}\n")
                .Append(CultureInfo.InvariantCulture,
                    $"vllm:kv_cache_usage_perc{{engine=\"{rank}\"}} {load.TokenUsage}\n");
        }

        if (started is var (earliest, latest))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"process_start_time_seconds {_bornAtUnixSeconds + StartOf(earliest, latest):F3}\n");
        }

        return new(HttpStatusCode.OK) { Content = new StringContent(text.ToString()) };
    }

    /// <summary>
    /// Between which times the engine's process started, in seconds since this began; null when it does not say.
    /// </summary>
    private async Task<(double Earliest, double Latest)?> StartedAsync(
        RpcCallOptions options, CancellationToken cancellationToken)
    {
        var asked = _time.GetElapsedTime(_bornAt).TotalSeconds;
        var uptime = (await _dialect.InfoAsync(options, cancellationToken)).UptimeSeconds;
        return uptime > 0 ? (asked - uptime, _time.GetElapsedTime(_bornAt).TotalSeconds - uptime) : null;
    }

    private double StartOf(double earliest, double latest)
    {
        lock (_startLock)
        {
            _start.Observe(earliest, latest);
            return _start.At;
        }
    }

    private async Task<HttpResponseMessage> TokenizeAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var bytes = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
        var tokenizer = await _tokenizer.GetAsync(With(request), cancellationToken);
        var tokens = await ReadAsync(bytes, () => Tokens(bytes, tokenizer), cancellationToken);
        return Json(json =>
        {
            json.WriteStartArray("tokens"u8);
            foreach (var token in tokens)
                json.WriteNumberValue(token);
            json.WriteEndArray();
        });
    }

    private static int[] Tokens(byte[] bytes, EngineVocabulary tokenizer)
    {
        using var body = JsonDocument.Parse(bytes);
        var root = body.RootElement;
        if (LegJson.Child(root, "messages") is not null)
            return tokenizer.Chat(root, bytes);
        var text = LegJson.Text(root, "prompt") ?? throw LegRefusal.Malformed("prompt is no text");
        return LegJson.Child(root, "add_special_tokens") is { ValueKind: JsonValueKind.False }
            ? tokenizer.Bare(text)
            : tokenizer.Prompt(text);
    }

    /// <summary>
    /// Reads a leg's body, a large one not on a thread that serves: as many at once as the router sends here.
    /// </summary>
    private static ValueTask<T> ReadAsync<T>(byte[] bytes, Func<T> body, CancellationToken cancellationToken) =>
        LargeBodies.IsLarge(bytes.Length)
            ? new(LargeBodies.ElsewhereAsync(() => Read(body), cancellationToken))
            : new(Read(body));

    /// <summary>
    /// Reads a leg's body. That it is no JSON, or a text of it no Unicode, shows only where it is read; an engine's own
    /// JSON is no part of it.
    /// </summary>
    /// <exception cref="LegRefusal">It is malformed.</exception>
    private static T Read<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception e) when (e is JsonException or (InvalidOperationException and not ObjectDisposedException))
        {
            throw LegRefusal.Malformed("the body is not what it must be");
        }
    }

    /// <summary>The id of KV state is one that can be aborted; there is no other method for it.</summary>
    private async Task<HttpResponseMessage> ReleaseAsync(HttpRequestMessage request, string id)
    {
        await _dialect.AbortAsync([id], With(request) with { Timeout = ReleaseWithin });
        return new(HttpStatusCode.NoContent);
    }

    private async Task<HttpResponseMessage> GenerateAsync(
        HttpRequestMessage request, bool isChat, CancellationToken cancellationToken)
    {
        var bytes = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
        var options = With(request);
        var tokenizer = await _tokenizer.GetAsync(options, cancellationToken);
        var id = request.Headers.TryGetValues("X-Request-Id", out var ids) ? ids.First() : "";
        var leg = await ReadAsync(
            bytes,
            () => GenerateBody.Read(bytes, isChat, id, tokenizer, _defaults ?? SamplingDefaults.None),
            cancellationToken);
        if (leg.Requests[0].HasCacheSalt)
            await DemandSaltsAsync(options, cancellationToken);

        var answer = new GrpcAnswer(_dialect, leg, id, options, tokenizer, _time);
        try
        {
            await answer.BeginAsync(cancellationToken);
            return new(HttpStatusCode.OK) { Content = new StreamContent(answer) };
        }
        catch
        {
            await answer.DisposeAsync();
            throw;
        }
    }

    /// <summary>vLLM's own messages have no salt: sent there, tenants would share blocks (decision 0321).</summary>
    private async Task DemandSaltsAsync(RpcCallOptions options, CancellationToken cancellationToken)
    {
        if (_tokenizer.KeepsTenantsApart)
            return;
        var server = await _dialect.InfoAsync(options, cancellationToken);
        if (server.ServerType != OwnServer)
            throw new RpcException(
                RpcStatusCode.Unimplemented,
                "this engine's gRPC has no cache_salt; describe it with shared_cache if tenants may share its cache");
        _tokenizer.KeepsTenantsApart = true;
    }

    private static RpcCallOptions With(HttpRequestMessage request) => request.Headers.Authorization is { } key
        ? new() { Metadata = new RpcMetadata().Add("authorization", key.ToString()) }
        : new();

    private static string Write(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
            write(json);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static HttpResponseMessage Json(Action<Utf8JsonWriter> properties) => new(HttpStatusCode.OK)
    {
        Content = new StringContent(
            Write(json =>
            {
                json.WriteStartObject();
                properties(json);
                json.WriteEndObject();
            }),
            Encoding.UTF8,
            "application/json"),
    };

    private static HttpResponseMessage Refusal(HttpStatusCode status, string? code, string message) =>
        new(status) { Content = new StringContent(Write(json => GrpcError.Write(json, code, message))) };
}
