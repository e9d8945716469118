using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Answers that have ended, and engines that go on.</summary>
public class AnswerEndTests
{
    [Theory]
    [InlineData("data: {\"choices\":[]}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n")]
    [InlineData(": comment\n\n")]
    public async Task An_engine_that_goes_on_after_its_answer_is_left(string what)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(context, engine.Finish());
            await GoOnAsync(context, what);
        };
        await using var harness = await StartAsync([engine]);

        var chunks = await harness.AskAsync().WaitAsync(Eventually.Patience);

        Assert.Equal("one", TextOf(chunks));
        Assert.NotNull(chunks[^1].Usage);
        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
        Assert.True(harness.Router.Engines[0].CircuitClosed);
    }

    [Fact]
    public async Task Several_choices_are_over_when_the_last_one_is()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await ScriptedEngine.WriteEventAsync(context, engine.Finish());
            var padding = new string('x', 64 << 10);
            var more = engine.ChatChunk(new { content = padding }, null, index: 1);
            await ScriptedEngine.WriteEventAsync(context, more);
            await ScriptedEngine.WriteEventAsync(context, more);
            await ScriptedEngine.WriteEventAsync(context, engine.ChatChunk(new { }, "length", index: 1));
            await GoOnAsync(context, ": comment\n\n");
        };
        await using var harness = await StartAsync([engine], o => o with { MaxChunkBytes = 100 << 10 });

        var chunks = await harness.AskAsync(Chat(more: ",\"n\":2")).WaitAsync(Eventually.Patience);

        Assert.Equal(6, chunks.Count);
        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
    }

    [Theory]
    [InlineData("data: {\"choices\":[]}\n\n")]
    [InlineData("data: {\"id\":\"c-a\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{}}]}\n\n")]
    public async Task An_answer_that_says_nothing_without_end_is_none(string what)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("one"));
            await GoOnAsync(context, what);
        };
        await using var harness = await StartAsync([engine], o => o with { MaxChunkBytes = 16 << 10 });

        var failed = await harness.RefusedAsync(Chat(maxTokens: 1)).WaitAsync(Eventually.Patience);

        Assert.Equal(ReasonCodes.EngineDiedMidStream, failed.Code);
        await engine.ClientGone.Task.WaitAsync(Eventually.Patience);
    }

    private static async Task GoOnAsync(HttpContext context, string what)
    {
        var much = string.Concat(Enumerable.Repeat(what, 1_000));
        while (!context.RequestAborted.IsCancellationRequested)
            await context.Response.WriteAsync(much, context.RequestAborted);
    }
}
