using System.Text.Json.Nodes;
using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary><c>kv_hints</c> with <c>kv.retain</c>, in the cases of vLLM's own tests of that message.</summary>
public sealed class KvHintsTests(ServingFixture fixture) : IClassFixture<ServingFixture>
{
    [Theory]
    [InlineData("""[{"start":0,"end":32,"priority":80,"duration":60.0},{"start":32,"end":null,"priority":40}]""")]
    [InlineData("""[{"covers_output":true,"priority":70,"duration":5}]""")]
    [InlineData("""[{"end":9,"priority":90},{"start":9,"end":99,"priority":60},{"start":99,"priority":0}]""")]
    [InlineData("[]")]
    public async Task What_is_well_formed_is_taken(string directives) =>
        Assert.Equal(200, (await AskAsync(Retain(directives))).Status);

    [Theory]
    [InlineData("""[{"start":0,"end":100,"priority":30},{"start":100,"end":200,"priority":80}]""", "earlier range")]
    [InlineData("""[{"start":100,"end":200,"priority":80},{"start":0,"end":100,"priority":30}]""", "earlier range")]
    [InlineData("""[{"start":0,"end":100,"priority":30},{"covers_output":true,"priority":60}]""", "earlier range")]
    [InlineData("""[{"start":0,"end":16}]""", "priority")]
    [InlineData("""[{"start":0,"end":16,"priority":101}]""", "priority")]
    [InlineData("""[{"start":0,"end":16,"priority":-1}]""", "priority")]
    [InlineData("""[{"start":0,"end":16,"priority":true}]""", "priority")]
    [InlineData("""[{"start":-1,"end":16,"priority":10}]""", "start")]
    [InlineData("""[{"start":16,"end":16,"priority":10}]""", "end")]
    [InlineData("""[{"start":0,"end":16,"priority":10,"duration":-1.0}]""", "duration")]
    [InlineData("""[{"start":0,"end":16,"priority":10,"duration":1e400}]""", "duration")]
    [InlineData("""[{"start":0,"end":16,"priority":10,"duration":2592001}]""", "duration")]
    [InlineData("""[{"start":0,"end":16,"priority":10,"bogus":1}]""", "bogus")]
    [InlineData("""[{"covers_output":"false","priority":10}]""", "covers_output")]
    [InlineData("""[{"covers_output":true,"start":0,"end":16,"priority":10}]""", "covers_output")]
    [InlineData("""["not-an-object"]""", "object")]
    [InlineData("{}", "directives")]
    public async Task What_is_malformed_is_refused_by_name(string directives, string named) =>
        await RefusedAsync(Retain(directives), named);

    [Fact]
    public async Task Other_actions_are_left_alone_and_other_versions_are_not_guessed()
    {
        var fetch = Action("""{"keys":[1]}""");
        fetch["action_type"] = "kv.fetch";
        Assert.Equal(200, (await AskAsync(Envelope(fetch))).Status);
        var newer = Action("""{"directives":[]}""");
        newer["action_version"] = "2.0";
        await RefusedAsync(Envelope(newer), "2.0");
        var (one, other) = (Action("""{"scope":"a","directives":[]}"""), Action("""{"scope":"b","directives":[]}"""));
        await RefusedAsync(Envelope(one, other), "scope");
        await RefusedAsync(
            Envelope([.. Enumerable.Range(0, 17).Select(_ => Action("""{"directives":[]}"""))]), "16");
        var many = string.Join(',', Enumerable.Repeat("""{"start":0,"priority":1}""", 129));
        await RefusedAsync(Retain($"[{many}]"), "128");
        await RefusedAsync(new JsonObject { ["actions"] = 1 }, "actions");
        await RefusedAsync(JsonValue.Create("keep"), "actions");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_conversation_that_is_to_be_kept_is_still_cached_after_others_filled_the_pool(bool kept)
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", ModelName = "demo", ContextTokens = 1024, KvPoolTokens = 2048, ParallelSequences = 2,
            Simulation = new() { Speed = 1e6, Jitter = 0 },
        });
        var first = DemoNode.Chat(DemoNode.LongText(100, seed: 1), 1);
        if (kept) first["kv_hints"] = Retain("""[{"start":0,"priority":50,"duration":600}]""");
        var prompt = (int)(await OkAsync(node, first))["usage"]!["prompt_tokens"]!;
        for (var i = 2; i < 22; i++) await OkAsync(node, DemoNode.Chat(DemoNode.LongText(100, seed: i), 1));

        first.Remove("kv_hints");
        var again = (int)(await OkAsync(node, first))["usage"]!["prompt_tokens_details"]!["cached_tokens"]!;
        Assert.Equal(kept ? (prompt - 1) / 16 * 16 : 0, again);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_an_answer_that_came_to_its_end_is_kept(bool whole)
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", ModelName = "demo", ContextTokens = 1024, KvPoolTokens = 2048, ParallelSequences = 2,
            Simulation = new() { PassMilliseconds = 20, PrefillMicrosecondsPerToken = 1, Jitter = 0 },
        });
        async Task<int> CachedAsync(int prompt, int most, RetainDirective[] retain, Action<Generation>? atToken = null)
        {
            var generation = node.Service.Engine.Submit(new(Prompt(prompt), most, new())
            {
                Retain = retain, IgnoreEnd = true,
            });
            await foreach (var e in generation.Events.ReadAllAsync())
                if (e.End is null)
                    atToken?.Invoke(generation);
            return generation.CachedTokens;
        }

        // Of 700 tokens, which take 14 s, only the first is waited for.
        await CachedAsync(1, 700, [new(0, null, 50, null)], g => (whole ? g.Stop : (Action)g.Cancel)());
        for (var other = 2; other < 16; other++) await CachedAsync(other, 1, []);

        Assert.Equal(whole ? 192 : 0, await CachedAsync(1, 1, []));
    }

    private static int[] Prompt(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 200).Select(_ => random.Next(1, 200))];
    }

    private static async Task<JsonNode> OkAsync(NodeServer node, JsonObject body)
    {
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.Equal(200, status);
        return json;
    }

    private static JsonObject Retain(string directives) => Envelope(Action($$"""{"directives":{{directives}}}"""));

    private static JsonObject Envelope(params JsonNode[] actions) => new()
    {
        ["protocol_version"] = "0.1", ["message_id"] = "m1", ["actions"] = new JsonArray([.. actions]),
    };

    private static JsonObject Action(string payload) => new()
    {
        ["action_id"] = "a1", ["action_type"] = "kv.retain", ["action_version"] = "1.0",
        ["payload"] = JsonNode.Parse(payload),
    };

    private Task<(int Status, JsonNode Json)> AskAsync(JsonNode hints)
    {
        var body = DemoNode.Chat("the order", 1);
        body["kv_hints"] = hints;
        return DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);
    }

    private async Task RefusedAsync(JsonNode hints, string named)
    {
        var (status, json) = await AskAsync(hints);
        Assert.Equal(400, status);
        Assert.Equal("AR1004", (string?)json["error"]!["code"]);
        Assert.Contains(named, (string?)json["error"]!["message"], StringComparison.Ordinal);
    }
}
