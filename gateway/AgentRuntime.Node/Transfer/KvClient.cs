using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Transfer;

/// <summary>
/// Fetches exported KV state from another node: manifest, comparison of model, format and prompt, then each segment
/// with its checksum, one at a time (the pace is the receiver's), then release. Thread-safe.
/// </summary>
internal sealed partial class KvClient : IDisposable
{
    private const int MostSegments = 65_536;
    /// <summary>Less than what a socket holds, so that the sender goes on while a piece is hashed.</summary>
    private const int PieceBytes = 256 << 10;

    private const int MostManifestBytes = 16 << 20;

    private readonly NodeOptions _options;
    private readonly KvShares _imports;
    private readonly string _modelDigest;
    private readonly string _format;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public KvClient(NodeOptions options, string modelDigest, string format, TimeProvider time)
    {
        _options = options;
        _imports = new(options.KvLeaseBytes.Value);
        _modelDigest = modelDigest;
        _format = format;
        _time = time;
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(3),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MostManifestBytes,
        };
    }

    /// <summary>Fetches the state of a prompt's tokens, all but the last.</summary>
    /// <param name="from">Where it is.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="adapterDigest">Its adapter; null for none.</param>
    /// <param name="salt">Whose share of the room for imports it takes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RuntimeErrorException">AR4007 it cannot be fetched; AR4011 it belongs to another model, adapter
    /// or prompt.</exception>
    public async Task<KvImport> FetchAsync(
        KvTransferParams from, int[] prompt, string? adapterDigest, string? salt, CancellationToken cancellationToken)
    {
        var imports = _imports.Of(salt);
        var id = from.RequestId ?? throw Failed("kv_transfer_params has no remote_request_id");
        if (!KvTransferParams.IsId(id)) throw Failed("remote_request_id is not an id of this kind");
        var address = Address(from);
        var start = _time.GetTimestamp();
        using var deadline = new CancellationTokenSource(_options.KvFetchTimeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        using var fetched = CancellationTokenSource.CreateLinkedTokenSource(both.Token);
        var heartbeats = KeepLeaseAsync(address, id, fetched.Token);
        var taken = 0L;
        try
        {
            var manifest = await ManifestAsync(address, id, both.Token);
            Compare(manifest, prompt, adapterDigest);
            var bytes = manifest.Segments.Sum(s => (long)s.Bytes);
            if (!imports.TryTake(bytes)) throw Failed("the KV state that waits to be imported fills its limit");
            taken = bytes;
            var segments = new List<KvSegment>(manifest.Segments.Count);
            foreach (var (planned, index) in manifest.Segments.Select((s, i) => (s, i)))
                segments.Add(await SegmentAsync(address, id, index, planned, both.Token));

            if (_options.Simulation is { } simulation)
            {
                var rest = simulation.TransferTime(prompt.Length) - _time.GetElapsedTime(start);
                if (rest > TimeSpan.Zero) await Task.Delay(rest, _time, both.Token);
            }

            taken = 0; // the import's from now on
            return new(segments, _time.GetElapsedTime(start), imports)
            {
                Bytes = SimulatedBytes(prompt) ?? bytes,
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NotInTime();
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            throw Failed($"the prefill engine at {address.Authority} cannot be read: {e.Message}");
        }
        finally
        {
            imports.Give(taken);
            await fetched.CancelAsync();
            await heartbeats;
        }
    }

    /// <summary>Tells the other node that the state is no longer wanted; its lease ends it if this fails.</summary>
    public async Task ReleaseAsync(KvTransferParams from)
    {
        if (from.RequestId is not { } id || !KvTransferParams.IsId(id)) return;
        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(3), _time);
            using var response = await _http.DeleteAsync(new Uri(Address(from), $"kv/{id}"), deadline.Token);
        }
        catch (Exception e) when (
            e is HttpRequestException or IOException or OperationCanceledException or RuntimeErrorException)
        {
            Activity.Current?.AddEvent(new("kv release failed; the lease will end it"));
        }
    }

    public RuntimeErrorException NotInTime() =>
        Failed($"the prefill engine did not deliver within {_options.KvFetchTimeout.TotalSeconds:0.#} s");

    public static RuntimeErrorException CannotFetch() => Failed("the KV state cannot be fetched");

    public void Dispose() => _http.Dispose();

    private static RuntimeErrorException Failed(string message) => new(new(
        ReasonCodes.KvTransferFailed, message, "kv_transfer_params",
            "Send the request again without kv_transfer_params."));

    private static RuntimeErrorException Mismatch(string message) => new(new(
        ReasonCodes.KvMismatch, message, "kv_transfer_params",
            "Serve the same model file, adapter files and KV format on both nodes."));

    /// <summary>
    /// Renews the lease while segments are on their way: one of them may take longer than the lease lasts.
    /// </summary>
    private async Task KeepLeaseAsync(Uri address, string id, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_options.KvLease / 3, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                using var answer = await _http.PostAsync(
                    new Uri(address, $"kv/{id}/heartbeat"), content: null, cancellationToken);
            }
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            // Whether the lease still holds is what the fetch itself finds out.
        }
    }

    private long? SimulatedBytes(int[] prompt) => prompt.Length * _options.Simulation?.KvBytesPerToken;

    private Uri Address(KvTransferParams from)
    {
        if (from.Host is not { Length: > 0 } host || from.Port is not (> 0 and <= 65535) || !IsPeer(host))
            throw Failed("kv_transfer_params names no peer that this node may fetch from");
        return new UriBuilder(Uri.UriSchemeHttp, host, from.Port.Value).Uri;
    }

    private bool IsPeer(string host) => _options.KvPeers.Count > 0
        ? _options.KvPeers.Contains(host, StringComparer.OrdinalIgnoreCase)
        : host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private async Task<KvManifest> ManifestAsync(Uri address, string id, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(new Uri(address, $"kv/{id}"), cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
            throw Failed("the prefill engine no longer has the state: its lease ended or its id is wrong");
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var manifest = await JsonSerializer.DeserializeAsync(body, KvJson.Default.KvManifest, cancellationToken);
        // What a list holds may be null, whatever its type says.
        return manifest is not null && manifest.Segments.All(segment => segment is not null)
            ? manifest
            : throw Failed("the prefill engine sent no manifest");
    }

    private void Compare(KvManifest manifest, int[] prompt, string? adapterDigest)
    {
        if (manifest.ModelSha256 != _modelDigest) throw Mismatch("the KV state belongs to another model");
        if (manifest.Format != _format) throw Mismatch(
            $"the KV state has the format '{manifest.Format}', not '{_format}'");
        if (manifest.AdapterSha256 != adapterDigest) throw Mismatch((manifest.AdapterSha256, adapterDigest) switch
        {
            (null, _) => "the KV state was computed without the adapter",
            (_, null) => "the KV state was computed with an adapter",
            _ => "the KV state was computed with another adapter of that name",
        });
        if (manifest.PromptSha256 != PromptDigest.Of(prompt)) throw Mismatch("the KV state belongs to another prompt");
        if (!manifest.Complete) throw Failed("the prefill engine has not finished the state");
        var at = 0;
        foreach (var segment in manifest.Segments)
        {
            if (segment.From != at || segment.To <= segment.From || segment.Bytes <= 0)
                throw Failed("the manifest's segments do not follow each other");
            at = segment.To;
        }

        var total = manifest.Segments.Sum(s => (long)s.Bytes);
        if (at != prompt.Length - 1 || manifest.Segments.Count > MostSegments || total > _options.KvLeaseBytes.Value)
            throw Failed("the manifest's segments do not add up to the prompt, or are too large");
    }

    private async Task<KvSegment> SegmentAsync(
        Uri address, string id, int index, KvManifestSegment planned, CancellationToken cancellationToken)
    {
        var uri = new Uri(address, $"kv/{id}/segments/{index}");
        using var response = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        response.EnsureSuccessStatusCode();
        var state = KvBuffer.Rent(planned.Bytes);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        if (await ReadAsync(stream, state, cancellationToken) != planned.Sha256)
            throw Failed("a segment's checksum is wrong");
        return Segment(planned, state, planned.Sha256);
    }

    /// <summary>A piece that may be imported: of the positions that the manifest says, numbers throughout.</summary>
    private static KvSegment Segment(KvManifestSegment planned, KvBuffer state, string sha256)
    {
        if (!KvSegment.IsStateOf(state.Span, planned.From, planned.To))
            throw Failed("a segment does not hold the state that its manifest says");
        return KvSegment.HasNumbers(state.Span)
            ? new(planned.From, planned.To, state, sha256)
            : throw Failed("a segment holds what is not a number, or no whole layers");
    }

    /// <summary>
    /// Fills <paramref name="state"/> and returns its checksum, taken piece by piece while the next is on its way.
    /// </summary>
    private static async Task<string> ReadAsync(Stream stream, KvBuffer state, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var at = 0; at < state.Length;)
        {
            var piece = state.Memory.Slice(at, Math.Min(PieceBytes, state.Length - at));
            var read = await stream.ReadAtLeastAsync(
                piece, piece.Length, throwOnEndOfStream: true, cancellationToken);
            hash.AppendData(piece.Span[..read]);
            at += read;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
