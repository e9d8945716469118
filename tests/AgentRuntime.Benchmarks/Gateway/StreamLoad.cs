using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>Opens streams and reads them. Owns its connections.</summary>
internal sealed class StreamLoad : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly string _url;
    private readonly string? _key;
    private long _chunks;

    public StreamLoad(string address, string? key)
    {
        _url = $"{address}/v1/chat/completions";
        _key = key;
    }

    /// <summary>Events read so far.</summary>
    public long Chunks => Interlocked.Read(ref _chunks);

    /// <summary>Times to the first token of one stream after the other on some connections, in milliseconds.</summary>
    public async Task<double[]> FirstTokensAsync(int connections, int streams)
    {
        var times = await Task.WhenAll(Enumerable.Range(0, connections).Select(async _ =>
        {
            var mine = new List<double>();
            for (var i = 0; i < streams; i++)
                mine.Add(await ReadAsync(tokens: 4, slow: false, opened: null, CancellationToken.None));
            return mine;
        }));
        return [.. times.SelectMany(t => t).Order()];
    }

    /// <summary>Chunks a second over some streams that are as fast as they can be.</summary>
    public async Task<double> ChunksPerSecondAsync(int streams, int tokens)
    {
        var before = Chunks;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, streams)
            .Select(_ => ReadAsync(tokens, slow: false, opened: null, CancellationToken.None)));
        return (Chunks - before) / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Opens slow streams, all at the same time open when <paramref name="whenOpen"/> is called.</summary>
    public async Task<int> HoldOpenAsync(int streams, Action whenOpen)
    {
        using var stop = new CancellationTokenSource();
        var open = 0;
        var failed = 0;
        var all = new List<Task>();
        foreach (var batch in Enumerable.Range(0, streams).Chunk(100))
        {
            var opened = batch.Select(_ => new TaskCompletionSource()).ToArray();
            all.AddRange(opened.Select(async o =>
            {
                try
                {
                    await ReadAsync(tokens: 600, slow: true, o, stop.Token);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
                {
                    if (o.TrySetResult() && Interlocked.Increment(ref failed) == 1)
                        Console.Error.WriteLine($"a stream could not be opened: {e.Message}");
                }
            }));
            await Task.WhenAll(opened.Select(o => o.Task));
            open += batch.Length;
        }

        whenOpen();
        await stop.CancelAsync();
        await Task.WhenAll(all);
        return open - failed;
    }

    public void Dispose() => _http.Dispose();

    private async Task<double> ReadAsync(int tokens, bool slow, TaskCompletionSource? opened, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _url);
        if (_key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        var user = slow ? "slow" : "fast";
        request.Content = new StringContent(
            $$"""{"model":"sim","stream":true,"max_tokens":{{tokens}},"user":"{{user}}","messages":"""
                + """[{"role":"user","content":"Hello"}]}""",
            Encoding.UTF8,
            "application/json");
        var clock = Stopwatch.StartNew();
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(stop);
        var buffer = new byte[slow ? 512 : 16 << 10];
        var first = 0.0;
        while (await body.ReadAsync(buffer, stop) is var read and > 0)
        {
            if (first == 0)
                first = clock.Elapsed.TotalMilliseconds;
            opened?.TrySetResult();
            Interlocked.Add(ref _chunks, buffer.AsSpan(0, read).Count("data: "u8));
        }

        return first;
    }
}
