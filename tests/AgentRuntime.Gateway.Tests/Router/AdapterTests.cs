using System.Text;
using AgentRuntime.Abstractions;
using Xunit.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Requests for LoRA adapters, placed in the pool of their base model.</summary>
public class AdapterTests(ITestOutputHelper output)
{
    private static readonly byte[] Secret = Encoding.UTF8.GetBytes("a secret of this test, 32 bytes!");
    private static readonly int[] Prompt = [.. Enumerable.Range(1000, 65)];

    [Fact]
    public async Task An_engine_that_reads_a_long_prompt_for_the_base_model_is_busy_for_adapters_too()
    {
        await using var a = await StartAsync("a", "sql");
        await using var b = await StartAsync("b", "sql");
        await using var harness = await RouterHarness.StartAsync([a, b], time: new FrozenTime());
        using var busy = await OccupyAsync(harness, a, b);

        for (var i = 0; i < 4; i++)
        {
            var chunks = await harness.AskAsync(Chat($"number {i}", model: "sql"));
            Assert.Equal(busy.Other.Name, chunks[0].ServedBy!.DecodeEngine);
        }

        Assert.All(busy.Other.Seen, r => Assert.Equal("sql", r.Body.GetProperty("model").GetString()));
    }

    [Fact]
    public async Task An_engine_without_the_adapter_never_gets_its_requests()
    {
        await using var a = await StartAsync("a");
        await using var b = await StartAsync("b", "sql");
        await using var harness = await RouterHarness.StartAsync([a, b]);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => harness.AskAsync(Chat($"n {i}", model: "sql"))));

        Assert.Empty(a.Seen);
        Assert.Equal(8, b.Seen.Count);
    }

    [Fact]
    public async Task When_the_only_engine_with_the_adapter_fails_no_other_is_asked()
    {
        await using var a = await StartAsync("a");
        await using var b = await StartAsync("b", "sql");
        b.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 500);
        await using var harness = await RouterHarness.StartAsync([a, b]);

        var error = await harness.RefusedAsync(Chat(model: "sql"));

        Assert.Equal(ReasonCodes.EngineFailed, error.Code);
        Assert.Empty(a.Seen);
    }

    [Fact]
    public async Task The_engine_whose_metrics_show_the_adapter_is_preferred_and_the_newest_word_counts()
    {
        await using var a = await StartAsync("a", "sql", "chat");
        await using var b = await StartAsync("b", "sql", "chat");
        a.Metrics = Metrics(("sql", 2e9), ("chat", 1e9));
        b.Metrics = Metrics(("chat", 2e9), ("sql", 1e9));
        await using var harness = await RouterHarness.StartAsync(
            [a, b], o => o with { LoadInterval = TimeSpan.FromMilliseconds(20) }, new FrozenTime());
        await ScrapedAsync(a, b);

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("a", await ServedByAsync(harness, "sql", i));
            Assert.Equal("b", await ServedByAsync(harness, "chat", i));
        }
    }

    [Fact]
    public async Task Adapters_that_come_and_go_are_served_and_refused()
    {
        await using var a = await StartAsync("a");
        await using var harness = await RouterHarness.StartAsync([a]);
        Assert.Equal(ReasonCodes.UnknownModel, (await harness.RefusedAsync(Chat(model: "sql"))).Code);

        a.Adapters = ["sql"];
        await Eventually.SucceedsAsync(() => harness.AskAsync(Chat(model: "sql")));
        Assert.Equal(["m", "sql"], harness.Router.Models.Select(m => m.Name));

        a.Adapters = [];
        await Eventually.BecomesTrueAsync(() => !harness.Router.Desk.TryFind("sql", out _));
        Assert.Equal(ReasonCodes.UnknownModel, (await harness.RefusedAsync(Chat(model: "sql"))).Code);
        await harness.AskAsync();
    }

    [Fact]
    public async Task Clients_may_know_an_adapter_by_another_name_and_not_its_base()
    {
        await using var a = await StartAsync("a", "sql");
        await using var harness = await RouterHarness.StartAsync([], o => o with
        {
            Engines = [a.Descriptor with { Models = new Dictionary<string, string> { ["mine"] = "sql" } }],
        });

        await harness.AskAsync(Chat(model: "mine"));

        Assert.Equal("sql", Assert.Single(a.Seen).Body.GetProperty("model").GetString());
        Assert.Equal(ReasonCodes.UnknownModel, (await harness.RefusedAsync()).Code);
        Assert.Equal(ReasonCodes.UnknownModel, (await harness.RefusedAsync(Chat(model: "sql"))).Code);
    }

    [Fact]
    public async Task A_merged_model_and_an_adapter_of_one_name_are_both_served()
    {
        await using var merged = await ScriptedEngine.StartAsync("merged", "sql");
        await using var a = await StartAsync("a", "sql");
        await using var harness = await RouterHarness.StartAsync([merged, a]);
        await harness.AskAsync(Chat(model: "sql"));

        var used = merged.Seen.IsEmpty ? a : merged;
        used.Healthy = false;
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.Any(e => !e.Healthy));

        Assert.NotEqual(used.Name, await ServedByAsync(harness, "sql", 1));
    }

    [Fact]
    public async Task Events_of_an_adapters_blocks_draw_its_requests_and_not_those_of_the_base()
    {
        if (!KvPublisher.Available)
        {
            output.WriteLine("python3-zmq or python3-msgpack is not installed; nothing was tested");
            return;
        }

        await using var ofA = await KvPublisher.StartAsync();
        await using var ofB = await KvPublisher.StartAsync();
        await using var a = await StartAsync("a", "sql");
        await using var b = await StartAsync("b", "sql");
        a.Metrics = b.Metrics = Metrics(("sql", 1e9));
        await using var harness = await RouterHarness.StartAsync([], o => o with
        {
            LoadInterval = TimeSpan.FromMilliseconds(20),
            Engines = [a.Descriptor with { KvEvents = ofA.Endpoints }, b.Descriptor with { KvEvents = ofB.Endpoints }],
            CacheSaltSecret = Secret,
            PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Engine },
        }, new FrozenTime());
        await ofA.SubscribedAsync();
        await ofB.SubscribedAsync();
        var salt = new CacheSalt(Secret).Of(Acme.Tenant);
        // Both have it loaded: what is left to prefer is the cache.
        await ScrapedAsync(a, b);
        await ofA.PublishAsync(KvPublisher.Stored([11, 12, 13, 14], Prompt[..64], salt));
        await ofB.PublishAsync(KvPublisher.Stored([21, 22, 23, 24], Prompt[..64], salt, lora: "sql"));
        await Eventually.BecomesTrueAsync(() => harness.Router.Pool.Engines.All(harness.Router.Desk.IsHeardFrom));

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("a", (await harness.AskAsync(Tokens("m")))[0].ServedBy!.DecodeEngine);
            Assert.Equal("b", (await harness.AskAsync(Tokens("sql")))[0].ServedBy!.DecodeEngine);
        }
    }

    private static async Task<ScriptedEngine> StartAsync(string name, params string[] adapters)
    {
        var engine = await ScriptedEngine.StartAsync(name);
        engine.Adapters = adapters;
        return engine;
    }

    private static async Task<string> ServedByAsync(RouterHarness harness, string model, int number) =>
        (await harness.AskAsync(Chat($"{model} {number}", model: model)))[0].ServedBy!.DecodeEngine;

    private static string Metrics(params (string Running, double At)[] reports) =>
        "vllm:num_requests_running 0\n" + string.Concat(reports.Select(r =>
            $"vllm:lora_requests_info{{max_lora=\"1\",running_lora_adapters=\"{r.Running}\","
            + $"waiting_lora_adapters=\"\"}} {r.At:R}\n"));

    private static async Task ScrapedAsync(params ScriptedEngine[] engines)
    {
        foreach (var engine in engines)
        {
            // The reading before the last one has been taken in.
            var seen = engine.Scraped;
            await Eventually.BecomesTrueAsync(() => engine.Scraped > seen + 2);
        }
    }

    private static InferenceRequest Tokens(string model) => new(
        Acme,
        model,
        InferenceOperation.Completion,
        Encoding.UTF8.GetBytes($$"""{"model":"{{model}}","prompt":[{{string.Join(',', Prompt)}}]}"""),
        16);

    /// <summary>Has one of two engines read a long prompt for the base model until the result is disposed.</summary>
    private static async Task<Occupied> OccupyAsync(RouterHarness harness, ScriptedEngine a, ScriptedEngine b)
    {
        var reading = new TaskCompletionSource<ScriptedEngine>(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        foreach (var engine in (ScriptedEngine[])[a, b])
        {
            engine.Answer = async (context, body) =>
            {
                if (body.GetProperty("model").GetString() == "m")
                {
                    reading.TrySetResult(engine);
                    await release.Task;
                }

                await engine.AnswerWithWordsAsync(context, body);
            };
        }

        var asked = harness.AskAsync(Chat(new string('x', 400_000)));
        var busy = await reading.Task.WaitAsync(Eventually.Patience);
        busy.Seen.Clear();
        return new Occupied(busy == a ? b : a, release, asked);
    }

    private sealed class Occupied(ScriptedEngine other, TaskCompletionSource release, Task asked) : IDisposable
    {
        public ScriptedEngine Other => other;

        public void Dispose()
        {
            release.SetResult();
            asked.Wait(Eventually.Patience);
        }
    }
}
