using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Node.Tests.Serving;

public sealed class ChatTests(ServingFixture fixture) : IClassFixture<ServingFixture>
{
    [Fact]
    public async Task A_chat_is_answered_with_text_and_usage()
    {
        var (status, json) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", DemoNode.Chat("hello", 12));

        Assert.Equal(200, status);
        Assert.Equal("chat.completion", (string?)json["object"]);
        Assert.Equal("length", (string?)json["choices"]![0]!["finish_reason"]);
        Assert.NotEmpty(DemoNode.Text(json));
        Assert.Equal(12, (int)json["usage"]!["completion_tokens"]!);
        Assert.True((int)json["usage"]!["prompt_tokens"]! > 5);
    }

    [Fact]
    public void A_message_does_not_end_with_a_zero_in_it() => Assert.Contains(
        "a\0b\uFDD0", fixture.Node.Service.Prompts.Build([new("user", "a\0b\uFDD0")], []), StringComparison.Ordinal);

    [Fact]
    public async Task A_conversation_is_rendered_by_the_template_of_the_models_file()
    {
        var model = DemoNode.Write("qwen.gguf", new() { ChatTemplate = JinjaOracle.Template("qwen2.5") });
        await using var node = await DemoNode.StartAsync(o => o with { ModelPath = model });

        var prompt = await PromptAsync(node, DemoNode.Chat("hello"));

        Assert.Equal(
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
            + "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n", prompt);
        var (status, _) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("hello", 4));
        Assert.Equal(200, status);
    }

    [Fact]
    public async Task What_a_client_sets_for_the_template_reaches_it_and_what_it_refuses_is_told()
    {
        var model = DemoNode.Write("odd.gguf", new()
        {
            ChatTemplate = "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}"
                + "{% endif %}{{ m.content }}{% endfor %}{{ '!' if loud }}",
        });
        await using var node = await DemoNode.StartAsync(o => o with { ModelPath = model });
        var body = DemoNode.Chat("hello");
        body["chat_template_kwargs"] = new JsonObject { ["loud"] = true };

        Assert.Equal("hello!", await PromptAsync(node, body));
        body["chat_template_kwargs"] = "loud";
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);
        Assert.Equal((400, "chat_template_kwargs"), (status, (string?)json["error"]!["param"]));
        body.Remove("chat_template_kwargs");
        body["messages"]!.AsArray().Add(new JsonObject { ["role"] = "tool", ["content"] = "x" });
        // Where a template has no tools, results are a user's text.
        Assert.Equal(200, (await DemoNode.PostAsync(node, "/v1/chat/completions", body)).Status);
    }

    [Fact]
    public async Task A_template_that_refuses_a_conversation_is_heard()
    {
        var model = DemoNode.Write("strict.gguf", new() { ChatTemplate = JinjaOracle.Template("gemma") });
        await using var node = await DemoNode.StartAsync(o => o with { ModelPath = model });
        var body = DemoNode.Chat("hello");
        body["messages"]!.AsArray().Add(new JsonObject { ["role"] = "user", ["content"] = "again" });

        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", body);

        Assert.Equal((400, "AR1004"), (status, (string?)json["error"]!["code"]));
        Assert.Contains("Conversation roles must alternate", (string?)json["error"]!["message"],
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_template_that_cannot_be_read_is_told_of_and_ChatML_stands_in()
    {
        var model = DemoNode.Write("broken.gguf", new() { ChatTemplate = "{% for m in messages %}" });
        var log = new LogBook();
        await using var node = await NodeServer.StartAsync(DemoNode.Options with { ModelPath = model }, logging: log);

        Assert.Equal(
            "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n",
            await PromptAsync(node, DemoNode.Chat("hello")));
        Assert.Contains(log.Entries, e => e.Text.Contains("ChatML stands in for it", StringComparison.Ordinal));
    }

    private static async Task<string> PromptAsync(NodeServer node, JsonObject body)
    {
        var (_, tokens) = await DemoNode.PostAsync(node, "/tokenize", body);
        var (_, text) = await DemoNode.PostAsync(
            node, "/detokenize", new() { ["tokens"] = tokens["tokens"]!.DeepClone() });
        return (string)text["prompt"]!;
    }

    [Fact]
    public async Task Greedy_output_is_the_same_alone_batched_cached_and_streamed()
    {
        var body = DemoNode.Chat(DemoNode.LongText(60), 32);
        var (_, first) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);
        var (_, cached) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);
        var batch = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => DemoNode.PostAsync(
            fixture.Node, "/v1/chat/completions", i == 3 ? body : DemoNode.Chat(DemoNode.LongText(40, i + 10), 32))));
        var streamed = (await StreamAsync(body)).Text;

        Assert.Equal(DemoNode.Text(first), DemoNode.Text(cached));
        Assert.Equal(DemoNode.Text(first), DemoNode.Text(batch[3].Json));
        Assert.Equal(DemoNode.Text(first), streamed);
        Assert.Equal(0, (int)first["usage"]!["prompt_tokens_details"]!["cached_tokens"]!);
        Assert.True((int)cached["usage"]!["prompt_tokens_details"]!["cached_tokens"]! >= 48);
    }

    [Fact]
    public async Task A_seed_repeats_and_another_seed_differs()
    {
        JsonObject Body(int seed)
        {
            var body = DemoNode.Chat("say something", 32);
            body["temperature"] = 1.5;
            body["top_p"] = 0.95;
            body["seed"] = seed;
            return body;
        }

        var (_, a) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", Body(11));
        var (_, b) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", Body(11));
        var (_, c) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", Body(12));

        Assert.Equal(DemoNode.Text(a), DemoNode.Text(b));
        Assert.NotEqual(DemoNode.Text(a), DemoNode.Text(c));
    }

    [Fact]
    public async Task Prefixes_are_not_shared_between_salts()
    {
        JsonObject Body(string salt)
        {
            var body = DemoNode.Chat(DemoNode.LongText(50, 99), 4);
            body["cache_salt"] = salt;
            return body;
        }

        async Task<int> CachedAsync(string salt) => (int)(await DemoNode.PostAsync(
            fixture.Node, "/v1/chat/completions", Body(salt)))
                .Json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!;

        Assert.Equal(0, await CachedAsync("tenant-a"));
        Assert.True(await CachedAsync("tenant-a") > 0);
        Assert.Equal(0, await CachedAsync("tenant-b"));
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_before_it()
    {
        var body = DemoNode.Chat("tell me", 40);
        var (_, whole) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);
        var text = DemoNode.Text(whole);
        var stop = text.Substring(text.Length / 2, 6);
        body["stop"] = new JsonArray(stop);
        var (_, cut) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);

        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], DemoNode.Text(cut));
        Assert.Equal("stop", (string?)cut["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task A_stream_ends_with_usage_and_done()
    {
        var (text, chunks) = await StreamAsync(DemoNode.Chat("hello", 10));

        Assert.NotEmpty(text);
        Assert.Equal("assistant", (string?)chunks[0]["choices"]![0]!["delta"]!["role"]);
        Assert.Equal("length", (string?)chunks[^2]["choices"]![0]!["finish_reason"]);
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal(10, (int)chunks[^1]["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task Several_choices_differ_and_share_the_prompt()
    {
        var body = DemoNode.Chat(DemoNode.LongText(40, 5), 16);
        body["n"] = 3;
        body["temperature"] = 1.5;
        body["seed"] = 4;
        var (_, json) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);

        var texts = json["choices"]!.AsArray().Select(c => (string)c!["message"]!["content"]!).ToArray();
        Assert.Equal(3, texts.Distinct().Count());
        Assert.Equal(48, (int)json["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task The_greatest_seeds_repeat_for_every_choice()
    {
        var body = DemoNode.Chat("say something", 16);
        body["temperature"] = 1.5;
        body["n"] = 3;
        body["seed"] = uint.MaxValue - 1;
        async Task<string[]> AskAsync() =>
            [.. (await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body)).Json["choices"]!.AsArray()
                .Select(c => (string)c!["message"]!["content"]!)];

        Assert.Equal(await AskAsync(), await AskAsync());
    }

    [Fact]
    public async Task Cached_tokens_of_several_prompts_are_those_of_each_prompt_once()
    {
        JsonObject Body(int choices, params string[] prompts) => new()
        {
            ["prompt"] = new JsonArray([.. prompts.Select(p => JsonValue.Create(p))]), ["n"] = choices,
            ["max_tokens"] = 2, ["temperature"] = 0, ["ignore_eos"] = true,
        };
        async Task<int> CachedAsync(JsonObject body) => (int)(await DemoNode.PostAsync(
            fixture.Node, "/v1/completions", body)).Json["usage"]!["prompt_tokens_details"]!["cached_tokens"]!;
        var (one, other) = (DemoNode.LongText(30, 71), DemoNode.LongText(90, 72));
        await CachedAsync(Body(2, one, other));

        var each = await CachedAsync(Body(1, one)) + await CachedAsync(Body(1, other));
        Assert.True(each > 0);
        Assert.Equal(each, await CachedAsync(Body(2, one, other)));
    }

    [Fact]
    public async Task Any_number_of_choices_finds_room_and_leaves_others_theirs()
    {
        const int Prompts = 24;
        const int Choices = 8;
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", Simulation = new() { Speed = 1000 }, ContextTokens = 1024, ParallelSequences = 2,
            QueuedRequests = 6,
        });
        var asking = DemoNode.PostAsync(node, "/v1/completions", new()
        {
            ["prompt"] = new JsonArray([.. Enumerable.Range(0, Prompts).Select(i => JsonValue.Create($"prompt {i}"))]),
            ["n"] = Choices, ["max_tokens"] = 5, ["ignore_eos"] = true,
        });
        do
        {
            var (other, _) = await DemoNode.PostAsync(node, "/v1/chat/completions", DemoNode.Chat("another", 1));
            Assert.Equal(200, other);
        }
        while (!asking.IsCompleted);

        var (status, json) = await asking;
        Assert.Equal(200, status);
        Assert.Equal(
            Enumerable.Range(0, Prompts * Choices), json["choices"]!.AsArray().Select(c => (int)c!["index"]!));
        Assert.Equal(Prompts * Choices * 5, (int)json["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task An_engine_that_fails_once_the_stream_has_begun_is_said_there()
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", Simulation = new() { PassMilliseconds = 5, Jitter = 0 }, ContextTokens = 1 << 20,
        });
        using var http = DemoNode.Client(node);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new JsonObject
            {
                ["prompt"] = "hello", ["max_tokens"] = 1_000_000, ["ignore_eos"] = true, ["stream"] = true,
            }),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.StartsWith("data: {", await reader.ReadLineAsync(), StringComparison.Ordinal);
        // No request that was read is without a prompt.
        node.Service.Engine.Submit(new(null!, 4, new()));
        var lines = (await reader.ReadToEndAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("data: [DONE]", lines[^1]);
        Assert.Equal("AR4003", (string?)JsonNode.Parse(lines[^2]["data: ".Length..])!["error"]!["code"]);
    }

    [Fact]
    public async Task A_node_that_is_told_to_stop_ends_what_it_has_begun()
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", Simulation = new() { PassMilliseconds = 20, Jitter = 0 }, ContextTokens = 1024,
            StopTimeout = TimeSpan.FromMinutes(2),
        });
        var lines = await StopInMidstreamAsync(node, tokens: 100);
        Assert.Equal("data: [DONE]", lines[^1]);

        await using var hasty = await NodeServer.StartAsync(new()
        {
            ModelPath = "", Simulation = new() { PassMilliseconds = 20, Jitter = 0 }, ContextTokens = 1024,
            StopTimeout = TimeSpan.Zero,
        });
        await Assert.ThrowsAnyAsync<IOException>(() => StopInMidstreamAsync(hasty, tokens: 900));
    }

    [Fact]
    public async Task Log_probabilities_are_of_the_chosen_token_and_its_rivals()
    {
        var body = DemoNode.Chat("hello", 5);
        body["logprobs"] = true;
        body["top_logprobs"] = 3;
        var (_, json) = await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", body);

        var tokens = json["choices"]![0]!["logprobs"]!["content"]!.AsArray();
        Assert.Equal(5, tokens.Count);
        foreach (var token in tokens)
        {
            var top = token!["top_logprobs"]!.AsArray();
            Assert.Equal(3, top.Count);
            // Greedy takes the most likely one.
            Assert.Equal((double)top[0]!["logprob"]!, (double)token["logprob"]!, 5);
            Assert.True((double)token["logprob"]! <= 0);
        }

        Assert.Equal(DemoNode.Text(json), string.Concat(tokens.Select(t => (string)t!["token"]!)));
    }

    private static async Task<string[]> StopInMidstreamAsync(NodeServer node, int tokens)
    {
        using var http = DemoNode.Client(node);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = JsonContent.Create(new JsonObject
            {
                ["prompt"] = "hello", ["max_tokens"] = tokens, ["ignore_eos"] = true, ["stream"] = true,
            }),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var stopping = node.StopAsync();
        var text = await reader.ReadToEndAsync();
        await stopping;
        return text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
    }

    private async Task<(string Text, List<JsonNode> Chunks)> StreamAsync(JsonObject body)
    {
        var copy = body.DeepClone().AsObject();
        copy["stream"] = true;
        copy["stream_options"] = new JsonObject { ["include_usage"] = true };
        using var http = DemoNode.Client(fixture.Node);
        using var response = await http.PostAsJsonAsync("/v1/chat/completions", copy);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var lines = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", lines[^1]);
        var chunks = lines[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();
        var text = string.Concat(chunks.SelectMany(c => c["choices"]!.AsArray())
            .Select(c => (string?)c!["delta"]!["content"]));
        return (text, chunks);
    }
}
