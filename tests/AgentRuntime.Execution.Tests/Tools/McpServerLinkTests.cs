using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ModelContextProtocol;

namespace AgentRuntime.Execution.Tests;

/// <summary>Many callers of one server and of many, and servers whose answers never end.</summary>
public sealed class McpServerLinkTests : IAsyncLifetime
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    private readonly ShiftedTime _time = new();
    private readonly McpToolTransport _transport;
    private TestToolServer _server = null!;

    public McpServerLinkTests() => _transport = new(_time, null, maxServers: 2);

    public async Task InitializeAsync() => _server = await TestToolServer.StartAsync();

    public async Task DisposeAsync()
    {
        await _transport.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("application/json", """{"jsonrpc":"2.0","result":""" + "\"", "x")]
    [InlineData("text/event-stream", "data: ", "x")]
    [InlineData("text/event-stream", "", ": still there\n\n")]
    [InlineData("text/event-stream", "", """data: {"jsonrpc":"2.0","method":"notifications/progress"}""" + "\n\n")]
    public async Task An_answer_that_never_ends_is_cut_off_and_the_next_call_works(
        string type, string begin, string more)
    {
        _server.Instead = (request, context) => EndlessAsync(
            request.Method == "tools/call", context, type, begin, more);
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolResultTooLarge, failed.Error.Code);
        _server.Instead = null;
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
    }

    [Theory]
    [InlineData(200, "text/html", "<html>Sign in", "answered, but not as MCP does: HTTP 200, text/html.")]
    [InlineData(404, "text/html", "<html>Not found", "answered, but not as MCP does: HTTP 404, text/html.")]
    [InlineData(302, null, "", "answered, but not as MCP does: HTTP 302, no content type.")]
    [InlineData(200, "application/json", """{"hello":1}""", "not as MCP does: HTTP 200, application/json.")]
    [InlineData(200, "application/json", "hello", "not as MCP does: HTTP 200, application/json.")]
    [InlineData(
        200, "application/json", """{"jsonrpc":"2.0","id":4711,"result":{}}""",
        "not as MCP does: HTTP 200, application/json.")]
    [InlineData(200, "text/event-stream", "data: hello\n\n", "not as MCP does: HTTP 200, text/event-stream.")]
    public async Task What_a_server_answers_that_is_no_MCP_is_told(int status, string? type, string body, string told)
    {
        _server.Instead = async (_, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = type;
            await context.Response.WriteAsync(body);
            return true;
        };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
        Assert.Contains(told, failed.Error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hello", failed.Error.Message, StringComparison.Ordinal);
        Assert.Contains(_server.Server.Endpoint.ToString(), failed.Error.Where!, StringComparison.Ordinal);

        _server.Instead = null;
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
    }

    [Fact]
    public async Task A_server_that_asks_without_end_is_not_answered_without_end()
    {
        _server.Instead = async (request, context) =>
        {
            if (request.Method != "tools/call")
                return false;
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 2 * ResponseBound.MaxMessages; i++)
                await context.Response.WriteAsync($$"""data: {"jsonrpc":"2.0","id":{{i}},"method":"ping"}""" + "\n\n");
            await context.Response.WriteAsync(
                $$$"""data: {"jsonrpc":"2.0","id":{{{request.Id.Id}}},"result":{"content":[]}}""" + "\n\n");
            return true;
        };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolResultTooLarge, failed.Error.Code);
        Assert.InRange(_server.Answers, 0, ResponseBound.MaxMessages);
        _server.Instead = null;
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
        Assert.InRange(_server.Answers, 0, ResponseBound.MaxMessages);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("data: a\n\ndata: b\n\n", 2)]
    [InlineData("data: a\r\n\r\ndata: b\r\rdata: c\n", 2)]
    [InlineData("id: 1\ndata: a\ndata: b\n\n\n\n", 1)]
    [InlineData(": still there\n\n:\n\n", 0)]
    [InlineData(": still there\nevent: x\n\n", 1)]
    public void Events_are_counted_wherever_they_are_cut_and_comments_are_none(string stream, int events)
    {
        foreach (var piece in new[] { 1, 2, 3, 100 })
        {
            var count = new EventStreamCount();
            foreach (var bytes in Encoding.UTF8.GetBytes(stream).Chunk(piece))
                count.Add(bytes);
            Assert.Equal(events, count.Events);
        }
    }

    [Fact]
    public async Task A_list_that_never_ends_is_a_server_that_is_not_there()
    {
        _server.Instead = (request, context) => EndlessAsync(
            request.Method == "tools/list", context, "application/json", "[", " ");
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
        Assert.Equal(0, _transport.Servers);
    }

    [Fact]
    public async Task A_list_may_not_grow_from_page_to_page_either()
    {
        var page = 0;
        _server.Instead = async (request, context) =>
        {
            if (request.Method != "tools/list")
                return false;
            context.Response.ContentType = "application/json";
            var tool = $$"""
                {"name":"t{{++page}}","description":"{{new string('x', 1 << 20)}}","inputSchema":{"type":"object"} }
                """;
            await context.Response.WriteAsync(
                $$$"""{"jsonrpc":"2.0","id":{{{request.Id.Id}}},"result":{"nextCursor":"c","tools":[{{{tool}}}]}}""");
            return true;
        };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
        Assert.InRange(page, 2, 10);
    }

    [Theory]
    [InlineData(500, 1)]
    [InlineData(400, 2)]
    [InlineData(0, 2)]
    public async Task A_call_that_fails_leaves_the_calls_beside_it_alone(int status, int lists)
    {
        var (healthy, release) = await BeginAsync();
        _server.Instead = (request, context) =>
        {
            if (status == 0)
                context.Abort();
            context.Response.StatusCode = status == 0 ? 200 : status;
            return Task.FromResult(true);
        };
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
        _server.Instead = null;
        release.SetResult();
        Assert.Equal(new ToolOutcome.Succeeded("done"), await healthy);

        // A server that answers is connected still; from one that does not, the list is asked for again.
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
        Assert.Equal(lists, _server.Methods.Count(m => m == "tools/list"));
    }

    [Fact]
    public async Task A_caller_that_leaves_while_the_list_is_read_anew_leaves_the_other_calls_alone()
    {
        var (healthy, release) = await BeginAsync();
        _time.Ahead = TimeSpan.FromMinutes(1);
        using var leave = new CancellationTokenSource();
        _server.Instead = async (request, context) =>
        {
            await leave.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CallAsync(cancellationToken: leave.Token));
        _server.Instead = null;
        release.SetResult();
        Assert.Equal(new ToolOutcome.Succeeded("done"), await healthy);
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
        Assert.Single(_server.Methods, m => m == "initialize" || m == "server/discover");
    }

    [Theory]
    [InlineData(400, "application/json", false)]
    [InlineData(400, "application/json", true)]
    [InlineData(400, "text/plain", true)]
    [InlineData(404, "application/json", true)]
    public async Task A_server_that_knows_the_session_no_longer_is_given_a_new_one(
        int status, string type, bool isListed)
    {
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
        var lost = true;
        _server.Instead = async (request, context) =>
        {
            lost &= request.Method is not ("initialize" or "server/discover");
            if (!lost)
                return false;
            context.Response.StatusCode = status;
            context.Response.ContentType = type;
            await context.Response.WriteAsync(
                $$$"""
                {"jsonrpc":"2.0","id":{{{request.Id.Id}}},"error":{"code":-32000,"message":"no valid session"}}
                """);
            return true;
        };

        // Nothing has been done where the list is what the server refuses: the call is made over the new session.
        if (isListed)
            _time.Ahead = TimeSpan.FromMinutes(1);
        else
            Assert.IsType<ToolOutcome.Failed>(await CallAsync());
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync());
        Assert.False(lost);
    }

    [Fact]
    public async Task A_server_that_refuses_a_call_keeps_its_session()
    {
        _server.Do = (_, _) => throw new McpProtocolException("no such order", McpErrorCode.InvalidParams);
        for (var i = 0; i < 2; i++)
        {
            var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync());
            Assert.Equal(ReasonCodes.ToolFailed, failed.Error.Code);
        }
        Assert.Single(_server.Methods, m => m is "initialize" or "server/discover");
    }

    [Fact]
    public async Task The_server_that_was_used_longest_ago_makes_room()
    {
        await CallAsync("a");
        await CallAsync("b");
        await CallAsync("a");
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync("c"));
        Assert.Equal(2, _transport.Servers);
        await CallAsync("a");
        Assert.Equal(3, _server.Methods.Count(m => m == "tools/list"));
        await CallAsync("b");
        Assert.Equal(4, _server.Methods.Count(m => m == "tools/list"));
    }

    [Fact]
    public async Task A_server_that_is_being_called_makes_no_room()
    {
        var (first, release) = await BeginAsync("a");
        var (second, releaseSecond) = await BeginAsync("b");
        var failed = Assert.IsType<ToolOutcome.Failed>(await CallAsync("c"));
        Assert.Equal(ReasonCodes.ToolServerUnreachable, failed.Error.Code);
        Assert.Contains("2 tool servers", failed.Error.Message, StringComparison.Ordinal);
        Assert.NotNull(failed.Error.Action);
        release.SetResult();
        Assert.Equal(new ToolOutcome.Succeeded("done"), await first);
        _server.Do = (_, _) => ValueTask.FromResult(TestToolServer.Text("done"));
        Assert.Equal(new ToolOutcome.Succeeded("done"), await CallAsync("c"));
        releaseSecond.SetResult();
        Assert.Equal(new ToolOutcome.Succeeded("done"), await second);
    }

    [Fact]
    public async Task A_server_that_was_never_reached_takes_no_room()
    {
        for (var port = 1; port < 6; port++)
            Assert.IsType<ToolOutcome.Failed>(await _transport.CallAsync(
                new ToolServer("gone", new Uri($"http://127.0.0.1:{port}/mcp")),
                new ToolInvocation("do", NoArguments, "k"),
                CancellationToken.None));
        Assert.Equal(0, _transport.Servers);
    }

    /// <summary>A call that is with the server, and what lets it end.</summary>
    private async Task<(Task<ToolOutcome> Call, TaskCompletionSource Release)> BeginAsync(string place = "")
    {
        var (entered, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        _server.Do = async (_, token) =>
        {
            entered.TrySetResult();
            await release.Task.WaitAsync(token);
            return TestToolServer.Text("done");
        };
        var call = CallAsync(place);
        await entered.Task;
        return (call, release);
    }

    private async Task<ToolOutcome> CallAsync(string place = "", CancellationToken cancellationToken = default) =>
        await _transport.CallAsync(
            _server.Server with { Endpoint = new Uri($"{_server.Server.Endpoint}?{place}") },
            new ToolInvocation("do", NoArguments, "k"),
            cancellationToken);

    private static async Task<bool> EndlessAsync(
        bool asked, HttpContext context, string type, string begin, string more)
    {
        if (!asked)
            return false;
        var chunk = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(more, 4096 / more.Length)));
        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        context.Response.ContentType = type;
        await context.Response.WriteAsync(begin);
        while (!context.RequestAborted.IsCancellationRequested)
            await context.Response.Body.WriteAsync(chunk);
        return true;
    }

    /// <summary>The system's clock, whose timestamps a test can move on.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override long GetTimestamp() => System.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);
    }
}
