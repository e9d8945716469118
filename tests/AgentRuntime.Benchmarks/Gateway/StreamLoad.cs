using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>Opens streams and reads them. Owns its connections.</summary>
/// <param name="address">Of the server.</param>
/// <param name="keys">Used in turn; none where none are asked for.</param>
/// <param name="model">The model.</param>
internal sealed class StreamLoad(string address, IReadOnlyList<string> keys, string model) : IDisposable
{
    private const int OpenedAtOnce = 1_000;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly Uri _url = new($"{address}/v1/chat/completions");
    private long _chunks;
    private int _next;

    /// <summary>Times to the first token of one stream after the other on some connections, in milliseconds.</summary>
    public async Task<double[]> FirstTokensAsync(int connections, int streams)
    {
        var times = await Task.WhenAll(Enumerable.Range(0, connections).Select(async _ =>
        {
            var mine = new List<double>();
            for (var i = 0; i < streams; i++)
                mine.Add(await ReadAsync(tokens: 4, 16 << 10, opened: null, CancellationToken.None));
            return mine;
        }));
        return [.. times.SelectMany(t => t).Order()];
    }

    /// <summary>Chunks a second over some streams that are as fast as they can be.</summary>
    public async Task<double> ChunksPerSecondAsync(int streams, int tokens)
    {
        var before = Interlocked.Read(ref _chunks);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, streams)
            .Select(_ => ReadAsync(tokens, 16 << 10, opened: null, CancellationToken.None)));
        return (Interlocked.Read(ref _chunks) - before) / clock.Elapsed.TotalSeconds;
    }

    /// <summary>
    /// Opens streams that do not end. Each has given a token when <paramref name="whenOpen"/> is called, and is counted
    /// when it gives another one afterwards: those were open at the same time.
    /// </summary>
    public async Task<int> HoldOpenAsync(int streams, Action whenOpen)
    {
        using var stop = new CancellationTokenSource();
        var all = new List<(OpenStream Stream, Task Reading)>();
        var failed = 0;
        foreach (var batch in Enumerable.Range(0, streams).Chunk(OpenedAtOnce))
        {
            var opened = batch.Select(_ => new OpenStream()).ToArray();
            all.AddRange(opened.Select(stream => (stream, HoldAsync(stream))));
            await Task.WhenAll(opened.Select(o => o.First.Task));
        }

        whenOpen();
        foreach (var (stream, _) in all)
            stream.AllAreOpen = true;
        await Task.WhenAll(all.Select(s => s.Stream.Later.Task));
        await stop.CancelAsync();
        await Task.WhenAll(all.Select(s => s.Reading));
        return streams - failed;

        async Task HoldAsync(OpenStream stream)
        {
            try
            {
                await ReadAsync(tokens: 600, 512, stream, stop.Token);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                if (!stream.Later.Task.IsCompleted && Interlocked.Increment(ref failed) == 1)
                    Console.Error.WriteLine($"a stream was not open: {e.Message}");
            }

            stream.First.TrySetResult();
            stream.Later.TrySetResult();
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<double> ReadAsync(int tokens, int bufferBytes, OpenStream? opened, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _url);
        if (keys.Count > 0)
        {
            var key = keys[(int)((uint)Interlocked.Increment(ref _next) % keys.Count)];
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        request.Content = new StringContent(
            $$"""{"model":"{{model}}","stream":true,"max_tokens":{{tokens}},"ignore_eos":true,"messages":"""
                + """[{"role":"user","content":"Hello"}]}""",
            Encoding.UTF8,
            "application/json");
        var clock = Stopwatch.StartNew();
        using var response = await _http.SendAsync(request, stop);
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException(await response.Content.ReadAsStringAsync(stop));
        await using var body = await response.Content.ReadAsStreamAsync(stop);
        var buffer = new byte[bufferBytes];
        var first = 0.0;
        while (await body.ReadAsync(buffer, stop) is var read and > 0)
        {
            if (first == 0)
                first = clock.Elapsed.TotalMilliseconds;
            opened?.HasRead();
            Interlocked.Add(ref _chunks, buffer.AsSpan(0, read).Count("data: "u8));
        }

        return first;
    }

    private sealed class OpenStream
    {
        public TaskCompletionSource First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Later { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile bool AllAreOpen;

        public void HasRead()
        {
            if (AllAreOpen)
                Later.TrySetResult();
            else
                First.TrySetResult();
        }
    }
}
