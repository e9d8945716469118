using System.Threading.Channels;
using AgentRuntime.Rpc.Server;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>The service of these tests, as peer.py has it too.</summary>
internal sealed class EchoService
{
    public const string Name = "interop.Echo";

    public static RpcMethod<Ask, Answer> Say { get; } = new(Name, "Say");

    public static RpcMethod<Ask, Answer> Count { get; } = new(Name, "Count");

    public static RpcMethod<Ask, Answer> Sum { get; } = new(Name, "Sum");

    public static RpcMethod<Ask, Answer> Chat { get; } = new(Name, "Chat");

    public static RpcMethod<Ask, Answer> Seen { get; } = new(Name, "Seen");

    public static RpcMethod<Ask, Answer> Absent { get; } = new(Name, "Absent");

    /// <summary>One entry for each stream of numbers that was asked for.</summary>
    public Channel<string> Begun { get; } = Channel.CreateUnbounded<string>();

    /// <summary>One entry for each call that was ended from outside.</summary>
    public Channel<string> Ended { get; } = Channel.CreateUnbounded<string>();

    public void AddTo(RpcServer server) => server
        .Unary(Say, SayAsync)
        .ServerStreaming(Count, CountAsync)
        .ClientStreaming(Sum, SumAsync)
        .Duplex(Chat, ChatAsync)
        .Unary(Seen, async (_, call) => new() { Text = await Ended.Reader.ReadAsync(call.CancellationToken) });

    private async Task<Answer> SayAsync(Ask ask, RpcServerCall call)
    {
        Echo(call);
        await WaitAsync(ask.WaitMs, call);
        if (ask.Status != 0) throw new RpcException(new RpcStatus((RpcStatusCode)ask.Status, ask.Text));
        return ask.Text == "bug" ? throw new InvalidOperationException("a secret") : new()
        {
            Text = ask.Text, Payload = ask.Payload,
        };
    }

    private async Task CountAsync(Ask ask, IRpcWriter<Answer> answers, RpcServerCall call)
    {
        Echo(call);
        Begun.Writer.TryWrite("Count");
        try
        {
            for (var i = 0; i < ask.Count; i++)
            {
                await answers.WriteAsync(new() { Number = i, Payload = ask.Payload });
                await WaitAsync(ask.WaitMs, call);
            }
        }
        catch (OperationCanceledException)
        {
            Ended.Writer.TryWrite("Count");
            throw;
        }

        if (ask.Status != 0) throw new RpcException((RpcStatusCode)ask.Status, ask.Text);
    }

    private static async Task<Answer> SumAsync(IAsyncEnumerable<Ask> asks, RpcServerCall call)
    {
        var sum = 0;
        await foreach (var ask in asks)
        {
            if (ask.Status != 0) throw new RpcException((RpcStatusCode)ask.Status, ask.Text);
            sum += ask.Count;
        }

        return new() { Number = sum };
    }

    private async Task ChatAsync(IAsyncEnumerable<Ask> asks, IRpcWriter<Answer> answers, RpcServerCall call)
    {
        try
        {
            await foreach (var ask in asks) await answers.WriteAsync(new() { Text = ask.Text });
        }
        catch (OperationCanceledException)
        {
            Ended.Writer.TryWrite("Chat");
            throw;
        }
    }

    private static void Echo(RpcServerCall call)
    {
        foreach (var entry in call.RequestMetadata.Where(e => e.Name.StartsWith("x-echo", StringComparison.Ordinal)))
        {
            if (entry.Text is { } text) call.ResponseMetadata.Add(entry.Name, text);
            else call.Trailers.Add(entry.Name, entry.Bytes);
        }
    }

    private static async Task WaitAsync(int milliseconds, RpcServerCall call)
    {
        if (milliseconds > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, call.CancellationToken);
    }
}
