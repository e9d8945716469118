using System.Globalization;
using AgentRuntime.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests.Router;

/// <summary>Engines that keep to HTTP/1.1 as badly as a broken or hostile one can, or better than most.</summary>
public sealed class HostileAnswerTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

    private const string One = """
        data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"one"},"finish_reason":null}]}


        """;

    private const string End = """
        data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

        data: [DONE]


        """;

    [Theory]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", "until the end")]
    [InlineData("", "until the end")]
    [InlineData("", "with trailers")]
    [InlineData("", "beyond its length")]
    public async Task What_is_allowed_is_read(string before, string body)
    {
        await using var engine = new RawEngine
        {
            KeepsOpen = body == "with trailers",
            Answer = async (stream, stop) => await RawEngine.WriteAsync(
                stream,
                before + body switch
                {
                    "until the end" => Ok + "Connection: close\r\n\r\n" + One + End,
                    "with trailers" => Ok + "Transfer-Encoding: chunked\r\n\r\n" + Chunk(One) + Chunk(End)
                        + "0\r\nX-Took: 1\r\nX-Took: 2\r\n\r\n",
                    _ => Ok + $"Content-Length: {(One + End).Length}\r\n\r\n" + One + End + "HTTP/1.1 200 OK\r\n\r\n",
                },
                stop),
        };
        await using var router = await StartAsync(engine);

        for (var i = 0; i < 3; i++)
            Assert.Equal("one", TextOf(await router.AskAsync().WaitAsync(Eventually.Patience)));

        Assert.Equal(3, engine.Asked);
        await NothingIsLeftAsync(router);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTP\r\n\r\n")]
    [InlineData(Ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n")]
    [InlineData(Ok + "Content-Length: 10000\r\n\r\ndata: {\"id\":")]
    [InlineData(Ok + "Content-Length: 10\r\n\r\n" + One + End)]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>\n<p>data: none</p>\n</html>\n")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", true)]
    [InlineData(Ok + "X-More: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", true)]
    public async Task What_is_no_answer_is_had_from_another_engine(string answer, bool isEndless = false)
    {
        await using var good = await ScriptedEngine.StartAsync("good");
        var isThere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var engine = new RawEngine
        {
            Answer = async (stream, stop) =>
            {
                await isThere.Task;
                await RawEngine.WriteAsync(stream, answer, stop);
                for (var more = answer[(answer.IndexOf("X-More", StringComparison.Ordinal) is var at and > 0
                    ? at : 0)..]; isEndless;)
                    await RawEngine.WriteAsync(stream, more, stop);
            },
        };
        await using var router = await StartAsync(engine);
        var asking = Task.Run(() => router.AskAsync());
        await Eventually.BecomesTrueAsync(() => engine.Asked > 0);
        await router.Router.AddEngineAsync(good.Descriptor, CancellationToken.None);
        isThere.SetResult();

        var chunks = await asking.WaitAsync(Eventually.Patience);

        Assert.Equal("Hello, world", TextOf(chunks));
        Assert.Equal(1, engine.Asked);
        await NothingIsLeftAsync(router);
    }

    [Theory]
    [InlineData("Content-Length: 10000\r\n\r\n" + One, "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n|one|", "zz\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n|one|", "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n" + One, "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n|one|", "FFFFFFFFFFFFFFFFF\r\nx")]
    [InlineData("\r\n" + One, "")]
    public async Task What_breaks_in_mid_stream_ends_with_an_error(string first, string then)
    {
        var got = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var engine = new RawEngine
        {
            Answer = async (stream, stop) =>
            {
                await RawEngine.WriteAsync(
                    stream, Ok + first.Replace("|one|", Chunk(One), StringComparison.Ordinal), stop);
                await got.Task.WaitAsync(stop);
                await RawEngine.WriteAsync(stream, then, stop);
            },
        };
        await using var router = await StartAsync(engine);

        var failed = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
        {
            await foreach (var chunk in router.Router.GenerateAsync(Chat(), CancellationToken.None))
                got.TrySetResult();
        }).WaitAsync(Eventually.Patience);

        Assert.Equal(ReasonCodes.EngineDiedMidStream, failed.Error.Code);
        await NothingIsLeftAsync(router);
        engine.Answer = async (stream, stop) => await RawEngine.WriteAsync(stream, Ok + "\r\n" + One + End, stop);
        Assert.Equal("one", TextOf(await router.AskAsync().WaitAsync(Eventually.Patience)));
    }

    [Theory]
    [InlineData(InferenceOperation.Chat)]
    [InlineData(InferenceOperation.Embedding)]
    public async Task An_idle_connection_that_ends_as_it_is_used_again_costs_nothing(InferenceOperation operation)
    {
        var asked = 0;
        var answer = operation == InferenceOperation.Embedding
            ? """{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[1]}]}"""
            : One + End;
        await using var engine = new RawEngine { KeepsOpen = true, Answer = (_, _) => Task.CompletedTask };
        engine.Answer = async (stream, stop) =>
        {
            engine.KeepsOpen = ++asked != 2;
            if (engine.KeepsOpen)
                await RawEngine.WriteAsync(stream, $"{Ok}Content-Length: {answer.Length}\r\n\r\n{answer}", stop);
        };
        await using var router = await StartAsync(engine);
        var request = operation == InferenceOperation.Chat ? Chat() : new InferenceRequest(
            Acme, "m", operation, """{"model":"m","input":"x","encoding_format":"float"}"""u8.ToArray(), 1);

        for (var i = 0; i < 2; i++)
            Assert.NotEmpty(await router.AskAsync(request).WaitAsync(Eventually.Patience));

        Assert.Equal(3, asked);
        await NothingIsLeftAsync(router);
    }

    [Fact]
    public async Task An_engine_that_ends_with_every_request_is_not_asked_for_ever()
    {
        await using var engine = new RawEngine { Answer = (_, _) => Task.CompletedTask };
        await using var router = await StartAsync(engine);

        Assert.Equal(ReasonCodes.EngineFailed, (await router.RefusedAsync().WaitAsync(Eventually.Patience)).Code);

        Assert.Equal(2, engine.Asked);
        await NothingIsLeftAsync(router);
    }

    private static string Chunk(string text) =>
        string.Create(CultureInfo.InvariantCulture, $"{text.Length:x}\r\n{text}\r\n");

    private static async Task NothingIsLeftAsync(RouterHarness router)
    {
        await Eventually.BecomesTrueAsync(() => router.Router.Engines.All(e => e.InFlight == 0));
        Assert.All(router.Router.Engines, e => Assert.True(e.CircuitClosed));
    }

    private static Task<RouterHarness> StartAsync(RawEngine engine) => RouterHarness.StartAsync([], o => o with
    {
        Engines = [engine.Descriptor],
        FirstTokenTimeout = TimeSpan.FromSeconds(2),
        BetweenTokensTimeout = TimeSpan.FromSeconds(2),
        CircuitFailures = 100,
    });
}
