using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Transfer;

/// <content>Fetching while the prompt is still being computed (decision 0309).</content>
internal sealed partial class KvClient
{
    /// <summary>Tells the node that is to decode where it can begin to fetch. It works without, only later.</summary>
    /// <param name="to">The prefill leg's parameters, with the decode node's host and port.</param>
    /// <param name="here">Where the state is: what the decode leg's parameters will say.</param>
    public async Task AnnounceAsync(KvTransferParams to, KvTransferParams here)
    {
        try
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(3), _time);
            using var answer = await _http.PostAsJsonAsync(
                new Uri(Address(to), "kv/expect"), KvAnnouncement.Of(here), KvJson.Default.KvAnnouncement,
                deadline.Token);
        }
        catch (Exception e) when (
            e is HttpRequestException or IOException or OperationCanceledException or RuntimeErrorException)
        {
            System.Diagnostics.Activity.Current?.AddEvent(new("kv announcement failed; fetched when asked for"));
        }
    }

    /// <summary>Whether state may be fetched from there at all.</summary>
    public bool MayFetch(KvTransferParams from) => from is
    {
        RemotePrefill: true, RequestId: { } id, Host: { Length: > 0 } host, Port: > 0 and <= 65535,
    } && KvTransferParams.IsId(id) && IsPeer(host);

    /// <summary>
    /// Fetches segments as they are computed, then the manifest that they have to agree with. The prompt is not known
    /// yet: <see cref="Accept"/> compares it.
    /// </summary>
    /// <param name="from">Where they are; <see cref="MayFetch"/> said yes.</param>
    /// <param name="reserve">Asks for room for so many bytes; false ends it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RuntimeErrorException">AR4007: it cannot be fetched.</exception>
    public async Task<KvFetched> FetchAheadAsync(
        KvTransferParams from, Func<long, bool> reserve, CancellationToken cancellationToken)
    {
        var (address, id) = (Address(from), from.RequestId!);
        try
        {
            var pieces = new List<(KvBuffer State, string Sha256)>();
            while (await NextAsync(address, id, pieces.Count, reserve, cancellationToken) is { } piece)
            {
                if (pieces.Count == MostSegments) throw Failed("the state has too many segments");
                pieces.Add(piece);
            }

            var manifest = await ManifestAsync(address, id, cancellationToken);
            if (manifest.Segments.Count != pieces.Count) throw Failed("the manifest has other segments");
            var segments = manifest.Segments.Zip(pieces, (planned, piece) =>
                planned.Sha256 == piece.Sha256 && planned.Bytes == piece.State.Length
                    ? Segment(planned, piece.State, piece.Sha256)
                    : throw Failed("a segment is not the one of its manifest"));
            return new(manifest, [.. segments]);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            throw Failed($"the prefill engine at {address.Authority} cannot be read: {e.Message}");
        }
    }

    /// <summary>What was fetched ahead, if it is this prompt's; let go if it is not.</summary>
    /// <exception cref="RuntimeErrorException">AR4007 or AR4011: it is not.</exception>
    public KvImport Accept(KvFetched fetched, int[] prompt, string? adapterDigest, TimeSpan waited)
    {
        var import = new KvImport(fetched.Segments, waited, fetched.Budget);
        try
        {
            Compare(fetched.Manifest, prompt, adapterDigest);
            return import;
        }
        catch (RuntimeErrorException)
        {
            import.Release();
            throw;
        }
    }

    private async Task<(KvBuffer State, string Sha256)?> NextAsync(
        Uri address, string id, int index, Func<long, bool> reserve, CancellationToken cancellationToken)
    {
        var uri = new Uri(address, $"kv/{id}/segments/{index}?wait");
        using var response = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NoContent) return null;
        response.EnsureSuccessStatusCode();
        if (response.Content.Headers.ContentLength is not (> 0 and <= int.MaxValue and var length))
            throw Failed("a segment does not say how long it is");
        if (!reserve(length)) throw Failed("more state is expected than this node holds at once");
        var state = KvBuffer.Rent((int)length);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        return (state, await ReadAsync(stream, state, cancellationToken));
    }
}

/// <summary>State that was fetched before its request came. Immutable.</summary>
internal sealed record KvFetched(KvManifest Manifest, IReadOnlyList<KvSegment> Segments)
{
    /// <summary>What the segments' bytes were taken from; null for nothing.</summary>
    public IKvBudget? Budget { get; init; }
}
