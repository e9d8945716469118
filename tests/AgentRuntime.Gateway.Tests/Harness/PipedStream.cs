using System.IO.Pipelines;
using System.Text;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// An engine's stream whose bytes a test writes, on a clock that a test moves: 120 s to the first event, 30 s between
/// what follows.
/// </summary>
internal sealed class PipedStream : IAsyncDisposable
{
    public static readonly TimeSpan BetweenTokens = TimeSpan.FromSeconds(30);

    private readonly Pipe _body = new();
    private readonly EngineStream _stream;

    public PipedStream()
    {
        var options = new EngineRouterOptions { BetweenTokensTimeout = BetweenTokens };
        var engine = new Engine(
            new EngineDescriptor("a", new Uri("http://127.0.0.1:1"), EngineKind.Vllm),
            new CircuitBreaker(options.CircuitFailures, options.CircuitOpenFor, Time));
        _stream = new EngineStream(
            engine,
            new HttpResponseMessage(),
            _body.Reader.AsStream(),
            new LegWatch(Time, options.FirstTokenTimeout, CancellationToken.None),
            options,
            textAsChat: false);
    }

    public SteppedTime Time { get; } = new();

    public Task<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> NextAsync() =>
        _stream.NextAsync(CancellationToken.None).AsTask();

    public async Task<string?> NextTextAsync() => (await NextAsync())?.Chunk.Text;

    public Task SendTextAsync(string text) =>
        SendAsync(Encoding.UTF8.GetBytes($$$"""data: {"choices":[{"delta":{"content":"{{{text}}}"}}]}""" + "\n\n"));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _body.Writer.WriteAsync(bytes);

    /// <summary>Waits until the stream has read what was sent, and waits for more.</summary>
    public Task WaitsAnewAsync() => Eventually.BecomesTrueAsync(() => Time.NextTimer == BetweenTokens);

    public async ValueTask DisposeAsync()
    {
        await _body.Writer.CompleteAsync();
        await _stream.DisposeAsync();
    }
}
