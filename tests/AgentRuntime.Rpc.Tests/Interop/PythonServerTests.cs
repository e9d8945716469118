using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Metadata;
using Google.Protobuf;
using Xunit.Abstractions;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>Our client against python3-grpcio's server.</summary>
public sealed class PythonServerTests(ITestOutputHelper output)
{
    private static readonly byte[] Big = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)i)];

    [Fact]
    public Task Unary_calls_are_answered() => WithServerAsync([], async channel =>
    {
        var answer = await channel.UnaryAsync(EchoService.Say, new() { Text = "grüße" });
        Assert.Equal("grüße", answer.Text);
        answer = await channel.UnaryAsync(EchoService.Say, new() { Payload = ByteString.CopyFrom(Big) });
        Assert.Equal(Big, answer.Payload.ToByteArray());
    });

    [Fact]
    public Task Gzip_is_read_and_written() => WithServerAsync(["gzip"], async channel =>
    {
        using var packing = new RpcChannel(channel.Address, new() { Compress = true });
        var answer = await packing.UnaryAsync(EchoService.Say, new() { Payload = ByteString.CopyFrom(Big) });
        Assert.Equal(Big, answer.Payload.ToByteArray());
    });

    [Fact]
    public Task All_four_kinds_of_calls_work() => WithServerAsync([], async channel =>
    {
        await using var count = channel.ServerStreaming(EchoService.Count, new() { Count = 200 });
        var numbers = new List<int>();
        await foreach (var answer in count.ReadAllAsync()) numbers.Add(answer.Number);
        Assert.Equal(Enumerable.Range(0, 200), numbers);

        await using var sum = channel.Duplex(EchoService.Sum);
        for (var i = 0; i < 100; i++) Assert.True(await sum.WriteAsync(new() { Count = i }));
        sum.CompleteRequests();
        Assert.Equal(4950, (await sum.ReadOnlyAsync()).Number);

        await using var chat = channel.Duplex(EchoService.Chat);
        for (var i = 0; i < 20; i++)
        {
            Assert.True(await chat.WriteAsync(new() { Text = $"{i}" }));
            Assert.Equal($"{i}", (await chat.ReadAsync())!.Text);
        }

        chat.CompleteRequests();
        Assert.Null(await chat.ReadAsync());
        Assert.Equal(RpcStatus.Ok, chat.Status);
    });

    [Fact]
    public Task Metadata_goes_both_ways() => WithServerAsync([], async channel =>
    {
        var options = new RpcCallOptions
        {
            Metadata = new RpcMetadata().Add("x-echo", "text").Add("x-echo-bin", new byte[] { 0xFF, 0, 0xFE, 1 }),
        };
        await using var call = channel.ServerStreaming(EchoService.Say, new(), options);
        Assert.Equal("text", (await call.HeadersAsync()).Text("x-echo"));
        await call.ReadOnlyAsync();
        Assert.Equal(new byte[] { 0xFF, 0, 0xFE, 1 }, call.Trailers.Bytes("x-echo-bin")!.Value.ToArray());
    });

    [Fact]
    public Task A_status_arrives_with_its_message() => WithServerAsync([], async channel =>
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            () => channel.UnaryAsync(EchoService.Say, new() { Status = 10, Text = "100% ü\n€" }));
        Assert.Equal(new RpcStatus(RpcStatusCode.Aborted, "100% ü\n€"), e.Status);
        e = await Assert.ThrowsAsync<RpcException>(() => channel.UnaryAsync(EchoService.Absent, new()));
        Assert.Equal(RpcStatusCode.Unimplemented, e.Status.Code);
    });

    [Fact]
    public Task A_status_before_the_requests_end_ends_the_call() => WithServerAsync([], async channel =>
    {
        await using var sum = channel.Duplex(EchoService.Sum);
        await sum.WriteAsync(new() { Status = 11, Text = "enough" });
        var e = await Assert.ThrowsAsync<RpcException>(async () => await sum.ReadAsync());
        Assert.Equal(new RpcStatus(RpcStatusCode.OutOfRange, "enough"), e.Status);
    });

    [Fact]
    public Task A_deadline_is_sent_and_kept() => WithServerAsync([], async channel =>
    {
        var answer = await channel.UnaryAsync(
            EchoService.Say, new(), new() { Timeout = TimeSpan.FromSeconds(90) });
        Assert.InRange(answer.Number, 60, 90);
        var e = await Assert.ThrowsAsync<RpcException>(() => channel.UnaryAsync(
            EchoService.Say, new() { WaitMs = 600_000 }, new() { Timeout = TimeSpan.FromMilliseconds(200) }));
        Assert.Equal(RpcStatusCode.DeadlineExceeded, e.Status.Code);
    });

    [Fact]
    public Task Disposing_a_stream_cancels_it_at_the_server() => WithServerAsync([], async channel =>
    {
        await using (var call = channel.ServerStreaming(EchoService.Count, new() { Count = 100_000, WaitMs = 10 }))
            Assert.NotNull(await call.ReadAsync());
        Assert.Equal("Count", (await channel.UnaryAsync(EchoService.Seen, new())).Text);
    });

    [Fact]
    public Task A_response_over_the_limit_is_refused() => WithServerAsync([], async channel =>
    {
        using var small = new RpcChannel(channel.Address, new() { MaxReceiveBytes = 1000 });
        var e = await Assert.ThrowsAsync<RpcException>(
            () => small.UnaryAsync(EchoService.Say, new() { Payload = ByteString.CopyFrom(Big, 0, 2000) }));
        Assert.Equal(RpcStatusCode.ResourceExhausted, e.Status.Code);
    });

    private async Task WithServerAsync(string[] arguments, Func<RpcChannel, Task> run)
    {
        if (!PythonPeer.IsInstalled)
        {
            output.WriteLine("python3-grpcio is not installed; nothing was tested");
            return;
        }

        using var peer = PythonPeer.Start(["server", .. arguments]);
        var port = (await peer.Output.ReadLineAsync())!.Split(' ')[1];
        using var channel = new RpcChannel(new Uri($"http://127.0.0.1:{port}"));
        await run(channel);
    }
}
