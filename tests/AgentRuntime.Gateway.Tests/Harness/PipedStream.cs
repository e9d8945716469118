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
    private Task? _flood;

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

    public void IsWhole() => _stream.IsWhole();

    public Task<(EngineChunk Chunk, ReadOnlyMemory<byte> Raw)?> NextAsync() =>
        _stream.NextAsync(CancellationToken.None).AsTask();

    public async Task<string?> NextTextAsync() => (await NextAsync())?.Chunk.Text;

    public Task SendTextAsync(string text) =>
        SendAsync(Encoding.UTF8.GetBytes($$$"""data: {"choices":[{"delta":{"content":"{{{text}}}"}}]}""" + "\n\n"));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _body.Writer.WriteAsync(bytes);

    /// <summary>Waits until the stream has read what was sent, and waits for more.</summary>
    public Task WaitsAnewAsync() => WaitsForAsync(BetweenTokens);

    /// <summary>Waits until the stream has read what was sent, and waits so long for more.</summary>
    public Task WaitsForAsync(TimeSpan time) => Eventually.BecomesTrueAsync(() => Time.NextTimer == time);

    /// <summary>Sends the same again and again, several times what an answer may have, until nobody reads it.</summary>
    public void Flood(string what)
    {
        var much = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(what, 1_000)));
        _flood = Task.Run(async () =>
        {
            for (var sent = 0; sent < 4 * new EngineRouterOptions().MaxChunkBytes; sent += much.Length)
            {
                if ((await _body.Writer.WriteAsync(much)).IsCompleted)
                    break;
            }
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_flood is not null)
        {
            await _stream.DisposeAsync();
            await _flood;
        }

        await _body.Writer.CompleteAsync();
        await _stream.DisposeAsync();
    }
}
