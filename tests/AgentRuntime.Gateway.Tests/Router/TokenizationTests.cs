using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class TokenizationTests
{
    [Fact]
    public async Task An_engine_is_asked_once_for_a_prompts_tokens()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([engine], Patient);

        await harness.AskAsync(Text("one two three"));
        await harness.AskAsync(Text("one two three"));
        await harness.AskAsync(Text("one two"));
        await harness.AskAsync();

        Assert.Equal(3, engine.Tokenized);
    }

    [Fact]
    public async Task A_slow_or_failing_tokenizer_costs_its_deadline_and_then_nothing()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Tokenize = async c =>
        {
            engine.Tokenized++;
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, c.RequestAborted);
        };
        var time = new SteppedTime();
        await using var harness = await StartAsync([engine], o => o with
        {
            PromptKeys = By(PromptKeys.Engine), TokenizeTimeout = TimeSpan.FromMilliseconds(500),
        }, time);

        for (var i = 0; i < 8; i++)
        {
            var answer = harness.AskAsync(Text($"prompt {i}"));
            if (i < 3)
            {
                await Eventually.BecomesTrueAsync(() => engine.Tokenized == i + 1);
                time.Advance(TimeSpan.FromMilliseconds(500));
            }

            Assert.Equal("Hello, world", TextOf(await answer.WaitAsync(Eventually.Patience)));
        }

        Assert.Equal(3, engine.Tokenized);
    }

    [Fact]
    public async Task A_vocabulary_in_this_process_names_the_blocks()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var b = await ScriptedEngine.StartAsync("b");
        var words = new Words();
        await using var harness = await StartAsync([a, b], o => o with
        {
            PromptKeys = By(PromptKeys.Vocabulary),
            Tokenizers = new Dictionary<string, IPromptTokenizer> { ["m"] = words },
        });
        var text = string.Join(' ', Enumerable.Range(0, 64));

        var first = await harness.AskAsync(Text(text));

        var holder = harness.Router.Pool.Engines.Single(e => e.Name == first[0].ServedBy!.DecodeEngine);
        Assert.Equal(4, harness.Router.Desk.HeldBy(holder));
        Assert.Equal((1, 0), (words.Asked, a.Tokenized + b.Tokenized));
    }

    [Fact]
    public async Task Tools_are_part_of_what_is_tokenized()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        JsonElement seen = default;
        engine.Tokenize = async c =>
        {
            seen = (await JsonDocument.ParseAsync(c.Request.Body)).RootElement;
            await c.Response.WriteAsync("""{"tokens":[1]}""");
        };
        await using var harness = await StartAsync([engine], Patient);

        await harness.AskAsync(Chat(more: ""","tools":[{"type":"function","function":{"name":"f"}}],"user":"u" """));

        Assert.Equal(1, seen.GetProperty("tools").GetArrayLength());
        Assert.True(seen.GetProperty("add_generation_prompt").GetBoolean());
        Assert.False(seen.TryGetProperty("user", out _));
    }

    [Fact]
    public void The_cache_of_tokens_is_bounded_and_forgets_the_oldest()
    {
        var cache = new TokenCache(maxTokens: 1000);
        for (var i = 0; i < 100; i++)
            cache.Add((UInt128)i, new int[68]);
        cache.Add(1000, new int[900]);

        Assert.Equal(10, cache.Count);
        Assert.Null(cache.Find(89));
        Assert.NotNull(cache.Find(90));
        Assert.Null(cache.Find(1000));
    }

    [Fact]
    public void A_vocabulary_that_is_not_there_is_refused_at_the_start()
    {
        var options = new EngineRouterOptions { PromptKeys = By(PromptKeys.Vocabulary) };

        var refused = Assert.Throws<RuntimeErrorException>(() => new EngineRouter(options, TimeProvider.System));

        Assert.Equal(ReasonCodes.InvalidConfiguration, refused.Error.Code);
    }

    private static EngineRouterOptions Patient(EngineRouterOptions options) => options with
    {
        PromptKeys = By(PromptKeys.Engine), TokenizeTimeout = TimeSpan.FromSeconds(20),
    };

    private static Dictionary<string, PromptKeys> By(PromptKeys keys) => new() { ["m"] = keys };

    private static InferenceRequest Text(string prompt) => new(
        Acme, "m", InferenceOperation.Completion,
        Encoding.UTF8.GetBytes($$"""{"model":"m","prompt":"{{prompt}}"}"""), 16);

    private sealed class Words : IPromptTokenizer
    {
        public int Asked { get; private set; }

        public int[]? Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body)
        {
            Asked++;
            using var json = JsonDocument.Parse(body);
            return [.. json.RootElement.GetProperty("prompt").GetString()!.Split(' ').Select(w => w.Length)];
        }
    }
}
