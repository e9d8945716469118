using System.Text;
using AgentRuntime.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

/// <summary>A stream whose engine dies goes on elsewhere.</summary>
public class SurvivalTests
{
    [Fact]
    public async Task A_stream_goes_on_elsewhere_from_what_was_sent_and_is_charged_once()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ", "two ");
        other.Words = ["three ", "four"];
        await using var harness = await StartAsync([dying]);

        var request = Chat(more: ""","temperature":0.5,"max_completion_tokens":50""", maxTokens: 50);
        var chunks = await CollectAsync(harness, request, received, other, after: 2);

        Assert.Equal("one two three four", TextOf(chunks));
        var seen = Assert.Single(other.Seen);
        Assert.Equal("/v1/completions", seen.Path);
        Assert.Equal(48, seen.Body.GetProperty("max_tokens").GetInt32());
        Assert.Equal("[1,2,3,100,100]", seen.Body.GetProperty("prompt").GetRawText());
        Assert.Equal(0.5, seen.Body.GetProperty("temperature").GetDouble());
        Assert.False(seen.Body.TryGetProperty("messages", out _));

        // The other engine counted what had been sent as its prompt: 10 - 2, and 2 + 2 of output.
        Assert.Equal(new InferenceUsage(new(8), new(4), new(4)), chunks[^1].Usage);
        Assert.All(chunks, c => Assert.Contains("\"id\":\"c-dying\"", Encoding.UTF8.GetString(c.Raw.Span)));
        Assert.All(
            chunks, c => Assert.Contains("\"object\":\"chat.completion.chunk\"", Encoding.UTF8.GetString(c.Raw.Span)));
        Assert.Single(chunks, c => c.FinishReason is not null);
        Assert.Single(chunks, c => c.ServedBy is not null);
    }

    [Fact]
    public async Task A_client_that_leaves_pays_once_for_the_tokens_of_each_engine()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ", "two ");
        other.Words = ["three ", "four"];
        await using var harness = await StartAsync([dying]);
        var request = Chat(identity: Identity("leaver"));

        var text = "";
        await foreach (var chunk in harness.Router.GenerateAsync(request, CancellationToken.None))
        {
            text += chunk.Text;
            if (text == "one two ")
            {
                await harness.Router.AddEngineAsync(other.Descriptor, CancellationToken.None);
                received.SetResult();
            }

            if (text == "one two three ")
                break;
        }

        // The prompt that the other engine was sent has what the client had by then, which is charged as output.
        var prompt = Math.Max(1, RequestTemplate.Parse(request.Body).Prompt.Length / 4);
        Assert.Equal(prompt + (2 * 3), harness.Router.Desk.ChargedTo(request.Identity.Tenant, "m"));
    }

    [Fact]
    public async Task A_text_completion_goes_on_from_its_prompt_and_text()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, chat: false, "one ");
        await using var harness = await StartAsync([dying]);
        var request = new InferenceRequest(
            Acme, "m", InferenceOperation.Completion, """{"model":"m","prompt":"Count: "}"""u8.ToArray(), 50);

        var chunks = await CollectAsync(harness, request, received, other, after: 1);

        Assert.Equal("one Hello, world", TextOf(chunks));
        Assert.Equal("Count: one ", Assert.Single(other.Seen).Body.GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task A_chat_goes_on_elsewhere_though_the_engine_that_died_told_no_tokens()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([], o => o with
        {
            Engines = [dying.Descriptor with { Kind = EngineKind.OpenAi }],
        });

        var chunks = await CollectAsync(harness, Chat(), received, other, after: 1);

        Assert.Equal("one Hello, world", TextOf(chunks));
    }

    [Fact]
    public async Task A_chat_does_not_go_on_where_no_tokens_are_told()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([dying], LeftAloneAtOnce);

        var error = await Assert.ThrowsAsync<RuntimeErrorException>(() => CollectAsync(
            harness, Chat(), received, other.Descriptor with { Kind = EngineKind.OpenAi }, after: 1));

        Assert.Equal(ReasonCodes.EngineDiedMidStream, error.Error.Code);
        Assert.Equal(0, other.Seen.Count + other.Tokenized);
        Assert.True(harness.Router.Engines.Single(e => e.Engine.Name == "other").CircuitClosed);
    }

    [Fact]
    public async Task An_engine_that_has_no_tokenize_is_passed_over_and_not_taken_for_broken()
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var without = await ScriptedEngine.StartAsync("without");
        await using var third = await ScriptedEngine.StartAsync("third");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([dying], LeftAloneAtOnce);
        without.Tokenize = async context =>
        {
            if (harness.Router.Engines.Count == 2)
                await harness.Router.AddEngineAsync(third.Descriptor, CancellationToken.None);
            await ScriptedEngine.RefuseAsync(context, 404);
        };

        var chunks = await CollectAsync(harness, Chat(), received, without.Descriptor, after: 1);

        Assert.Equal("one Hello, world", TextOf(chunks));
        Assert.Empty(without.Seen);
        Assert.Equal(
            ["third", "without"],
            harness.Router.Engines.Where(e => e.CircuitClosed).Select(e => e.Engine.Name)
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(""","tools":[{"type":"function","function":{"name":"f"}}]""")]
    [InlineData(""","response_format":{"type":"json_object"}""")]
    [InlineData(""","logprobs":true""")]
    [InlineData(""","documents":[{"text":"x"}]""")]
    [InlineData(""","regex":"a+" """)]
    [InlineData(""","ebnf":"root ::= x" """)]
    [InlineData(""","json_schema":{}""")]
    [InlineData(""","structural_tag":"x" """)]
    [InlineData(""","guided_regex":"a+" """)]
    [InlineData(""","guided_choice":["a"]""")]
    public async Task An_answer_that_only_its_engine_could_go_on_with_ends_with_its_error(string more)
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([dying]);

        var error = await Assert.ThrowsAsync<RuntimeErrorException>(
            () => CollectAsync(harness, Chat(more: more), received, other, after: 1));

        Assert.Equal(ReasonCodes.EngineDiedMidStream, error.Error.Code);
        Assert.Empty(other.Seen);
    }

    [Theory]
    [InlineData("""[{"type":"text","text":"a"},"b"]""", true)]
    [InlineData("""[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]""", false)]
    [InlineData("""[{"image_url":{"url":"data:,","type":"text"}}]""", false)]
    public async Task A_chat_goes_on_elsewhere_when_its_messages_are_text(string content, bool goesOn)
    {
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([dying]);
        var body = $$"""
            {"model":"m","messages":[{"role":"system","content":"x"},{"content":{{content}},"role":"user"}]}
            """;
        var request = new InferenceRequest(Acme, "m", InferenceOperation.Chat, Encoding.UTF8.GetBytes(body), 50);

        var collecting = CollectAsync(harness, request, received, other, after: 1);

        if (goesOn)
            Assert.Equal("one Hello, world", TextOf(await collecting));
        else
            await Assert.ThrowsAsync<RuntimeErrorException>(() => collecting);
        Assert.Equal(goesOn ? 1 : 0, other.Seen.Count);
    }

    [Theory]
    [InlineData(20, 18)]
    [InlineData(1, 0)]
    public async Task The_least_that_is_wanted_counts_what_was_sent(int wanted, int left)
    {
        foreach (var operation in new[] { InferenceOperation.Chat, InferenceOperation.Completion })
        {
            await using var dying = await ScriptedEngine.StartAsync("dying");
            await using var other = await ScriptedEngine.StartAsync("other");
            var isChat = operation == InferenceOperation.Chat;
            var received = DieAfter(dying, isChat, "one ", "two ");
            await using var harness = await StartAsync([dying]);
            var prompt = isChat
                ? """ "messages":[{"role":"user","content":"x"}]"""
                : """ "prompt":"x" """;
            var body = Encoding.UTF8.GetBytes($$"""{"model":"m",{{prompt}},"min_tokens":{{wanted}}}""");

            await CollectAsync(harness, new(Acme, "m", operation, body, 20), received, other, after: 2);

            var seen = Assert.Single(other.Seen).Body;
            Assert.Equal(
                (left, 18),
                (seen.GetProperty("min_tokens").GetInt32(), seen.GetProperty("max_tokens").GetInt32()));
        }
    }

    [Fact]
    public async Task Every_stream_of_an_engine_that_dies_goes_on_elsewhere_however_many_there_are()
    {
        const int Streams = 40;
        await using var dying = await ScriptedEngine.StartAsync("dying");
        await using var other = await ScriptedEngine.StartAsync("other");
        var received = DieAfter(dying, "one ");
        await using var harness = await StartAsync([dying], o => o with { RetryBurst = 2, RetryRatio = 0 });
        using var begun = new CountdownEvent(Streams);
        var streams = Enumerable.Range(0, Streams).Select(async i =>
        {
            var text = "";
            await foreach (var chunk in harness.Router.GenerateAsync(Chat($"{i}"), CancellationToken.None))
            {
                if (text.Length == 0)
                    begun.Signal();
                text += chunk.Text;
            }

            return text;
        }).ToArray();
        await Task.Run(() => Assert.True(begun.Wait(Eventually.Patience)));

        await harness.Router.AddEngineAsync(other.Descriptor, CancellationToken.None);
        received.SetResult();

        Assert.All(await Task.WhenAll(streams), text => Assert.Equal("one Hello, world", text));
    }

    [Fact]
    public async Task Only_the_first_connection_that_a_request_loses_is_not_paid_for_from_the_budget()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        foreach (var engine in new[] { a, b })
        {
            engine.Answer = (context, _) =>
            {
                context.Abort();
                return Task.CompletedTask;
            };
        }

        await using var harness = await StartAsync([a, b], o => o with
        {
            RetryBurst = 1,
            RetryRatio = 0,
            CircuitFailures = 1_000,
        });

        for (var i = 0; i < 4; i++)
            Assert.Equal(ReasonCodes.EngineFailed, (await harness.RefusedAsync()).Code);

        // Two for each, and one from the budget.
        Assert.Equal(9, a.Seen.Count + b.Seen.Count);
    }

    private static EngineRouterOptions LeftAloneAtOnce(EngineRouterOptions options) =>
        options with { CircuitFailures = 1, CircuitOpenFor = TimeSpan.FromHours(1) };

    private static TaskCompletionSource DieAfter(ScriptedEngine engine, params string[] words) =>
        DieAfter(engine, true, words);

    private static TaskCompletionSource DieAfter(ScriptedEngine engine, bool chat, params string[] words)
    {
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, _) =>
        {
            foreach (var word in words)
                await ScriptedEngine.WriteEventAsync(context, engine.Chunk(word, chat));
            await received.Task;
            context.Abort();
        };
        return received;
    }

    private static Task<List<InferenceChunk>> CollectAsync(
        RouterHarness harness,
        InferenceRequest request,
        TaskCompletionSource received,
        ScriptedEngine other,
        int after) => CollectAsync(harness, request, received, other.Descriptor, after);

    private static async Task<List<InferenceChunk>> CollectAsync(
        RouterHarness harness,
        InferenceRequest request,
        TaskCompletionSource received,
        EngineDescriptor other,
        int after)
    {
        var chunks = new List<InferenceChunk>();
        await foreach (var chunk in harness.Router.GenerateAsync(request, CancellationToken.None))
        {
            chunks.Add(chunk);
            if (chunks.Count != after)
                continue;

            await harness.Router.AddEngineAsync(other, CancellationToken.None);
            received.SetResult();
        }

        return chunks;
    }
}
