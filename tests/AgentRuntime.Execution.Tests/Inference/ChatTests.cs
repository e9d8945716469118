using System.Collections.Concurrent;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

public sealed class ChatTests
{
    [Fact]
    public async Task A_chat_is_journaled_before_and_after_with_engines_tokens_cost_and_times()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal("hello", run.Output);
        Assert.Equal(new ChatStarted(1, "m", 256), events[1]);
        var chat = Assert.IsType<ChatCompleted>(events[2]);
        Assert.Equal((1, "m", "hello", "stop"), (chat.Call, chat.Model, chat.Content, chat.FinishReason));
        Assert.Equal(("prefill-1", "decode-1", 4_096L), (chat.PrefillEngine, chat.DecodeEngine, chat.KvBytes));
        Assert.Equal(
            (new UsageResource(10, 4, 3), 13L, 12.0), (chat.Usage, chat.CostMicroUsd, chat.TimeToFirstTokenMs));
        Assert.Equal((ScriptedInference.Usage, new MicroUsd(13)), (run.Usage, run.Cost));
        Assert.Equal([("m", CallOutcome.Succeeded)], host.Policy.Settled);
    }

    [Fact]
    public async Task A_chat_says_when_the_run_will_ask_again_once_the_agents_earlier_runs_have_shown_it()
    {
        await using var host = await RunHost.StartAsync();
        var expected = new ConcurrentQueue<TimeSpan?>();
        host.Inference.Answer = (request, _) =>
        {
            expected.Enqueue(request.NextCallExpectedIn);
            return ScriptedInference.Chunks(new InferenceChunk { Text = "hello" });
        };
        for (var run = 0; run < 2; run++)
        {
            await host.RunAsync(async (_, guest) =>
            {
                for (var i = 0; i < 3; i++)
                    await guest.ChatAsync("hi");
                return "";
            });
        }

        // Nothing is known before a first run has asked twice.
        Assert.Null(expected.First());
        Assert.All(expected.Skip(1), e => Assert.InRange(e!.Value, TimeSpan.Zero, ConversationPace.Longest));
        Assert.Equal(6, expected.Count);
    }

    [Fact]
    public async Task Totals_are_the_sum_of_all_chats()
    {
        await using var host = await RunHost.StartAsync();
        var (run, events) = await host.RunAsync(async (_, guest) =>
        {
            for (var i = 0; i < 3; i++)
                await guest.ChatAsync("hi");
            return "";
        });
        Assert.Equal(new InferenceUsage(new(30), new(12), new(9)), run.Usage);
        Assert.Equal(39, run.Cost.Value);
        Assert.Equal((new UsageResource(30, 12, 9), 39L), Totals(events));
    }

    [Fact]
    public async Task The_request_has_openais_form_and_only_tools_that_policy_shows()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(),
            [],
            [
                ScriptedPolicy.Tool("shop/refund", """{"type":"object"}"""),
                ScriptedPolicy.Tool("shop/delete", """{"type":"object"}"""),
            ]);
        host.Policy.Hidden.Add("shop/delete");
        await host.RunAsync(async (_, guest) =>
        {
            var messages = new[]
            {
                new ChatMessage(ChatRole.System, "be kind"),
                new ChatMessage(ChatRole.Assistant, "") { ToolCalls = [new("c1", "shop/refund", "{}")] },
                new ChatMessage(ChatRole.Tool, "done") { ToolCallId = "c1" },
            };
            await guest.CallAsync(new HostCall.Chat(messages, new ChatOptions
            {
                MaxOutputTokens = 7,
                Temperature = 0.5f,
                Seed = 42,
                StopSequences = ["END"],
                Tools = ["shop/refund", "shop/delete", "shop/ghost", "shop/refund"],
            }));
            return "";
        });
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse(
                """
                {"messages":[
                  {"role":"system","content":"be kind"},
                  {"role":"assistant","content":"","tool_calls":[
                    {"id":"c1","type":"function","function":{"name":"shop__refund","arguments":"{}"}}]},
                  {"role":"tool","content":"done","tool_call_id":"c1"}],
                 "max_tokens":7,"temperature":0.5,"seed":42,"stop":["END"],
                 "tools":[{"type":"function","function":{
                   "name":"shop__refund","description":"does shop/refund","parameters":{"type":"object"}}}]}
                """),
            JsonElement.Parse(host.Inference.Bodies.Single())));
    }

    [Fact]
    public async Task Tool_calls_of_a_model_are_put_together_and_named_as_the_guest_knows_them()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Tenant = new TenantPolicy(
            new QuotaLimits(), [], [ScriptedPolicy.Tool("shop/refund", """{"type":"object"}""")]);
        host.Inference.Answer = (_, _) => ScriptedInference.Chunks(
            new InferenceChunk { ToolCalls = [new(0, "c1", "shop__refund", "{\"a\"")] },
            new InferenceChunk { ToolCalls = [new(1, "c2", "other", "{}")] },
            new InferenceChunk { ToolCalls = [new(0, null, null, ":1}")] });
        HostCallResult? answer = null;
        await host.RunAsync(async (_, guest) =>
        {
            answer = await guest.CallAsync(new HostCall.Chat([], new ChatOptions { Tools = ["shop/refund"] }));
            return "";
        });
        Assert.Equal(
            [new ModelToolCall("c1", "shop/refund", "{\"a\":1}"), new ModelToolCall("c2", "other", "{}")],
            Assert.IsType<HostCallResult.Chat>(answer).Response.ToolCalls);
    }

    [Fact]
    public async Task A_model_that_policy_refuses_is_not_asked_and_the_guest_goes_on()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.ModelNotGranted);
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal((RunStatus.Succeeded, "AR2009"), (run.Status, run.Output));
        Assert.Equal("AR2009", Assert.IsType<ChatFailed>(events[1]).Error.Code);
        Assert.Empty(host.Inference.Bodies);
        Assert.Empty(host.Policy.Settled);
    }

    [Fact]
    public async Task A_verdict_of_zero_is_a_no()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Rule = _ => new Decision(default, null, null);
        var (run, _) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal("AR2002", run.Output);
    }

    [Fact]
    public async Task A_chat_without_any_model_is_refused()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.DefaultModel = null;
        var (run, _) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal("AR1008", run.Output);
    }

    [Fact]
    public async Task A_models_name_that_a_guest_makes_up_is_cut()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Rule = _ => ScriptedPolicy.Deny(ReasonCodes.ModelNotGranted);
        var (_, events) = await host.RunAsync(async (_, guest) =>
            await guest.ChatAsync("hi", new ChatOptions { Model = new string('m', 1 << 20) }));
        Assert.Equal(new string('m', 256) + "…", Assert.Single(events.OfType<ChatFailed>()).Model);
    }

    [Fact]
    public async Task A_chat_beyond_the_runs_budget_is_refused_before_it_is_sent()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Budget = new RunBudget { MaxTokens = new(100) };
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal("AR6003", run.Output);
        var refused = Assert.IsType<ChatFailed>(events[2]);
        Assert.Equal(("AR6003", null, true), (refused.Error.Code, refused.Usage, refused.NotSent));
        Assert.Empty(host.Inference.Bodies);
        Assert.Equal([("m", CallOutcome.NotSent)], host.Policy.Settled);
    }

    [Fact]
    public async Task A_model_without_a_price_is_refused()
    {
        await using var host = await RunHost.StartAsync();
        var (run, _) = await host.RunAsync(
            async (_, guest) => await guest.ChatAsync("hi", new ChatOptions { Model = "unpriced" }));
        Assert.Equal("AR6005", run.Output);
    }

    [Fact]
    public async Task An_engine_that_dies_in_mid_stream_is_an_answer_to_the_guest()
    {
        await using var host = await RunHost.StartAsync();
        host.Inference.Answer = (_, _) => ScriptedInference.ThenFail(
            ReasonCodes.EngineDiedMidStream, new InferenceChunk { Text = "half" });
        var (run, events) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal((RunStatus.Succeeded, "AR4004"), (run.Status, run.Output));
        var failed = Assert.IsType<ChatFailed>(events[2]);
        Assert.Equal("AR4004", failed.Error.Code);

        // The metering's estimate: four bytes a token, and a token a chunk.
        var prompt = (host.Inference.Bodies.Single().Length + 3) / 4;
        Assert.Equal((new UsageResource(prompt, 0, 1), prompt + 2), (failed.Usage, failed.CostMicroUsd));
        Assert.Equal((failed.Usage, failed.CostMicroUsd!.Value), Totals(events));
        Assert.Equal([("m", CallOutcome.Failed)], host.Policy.Settled);
    }

    [Fact]
    public async Task An_answer_that_does_not_fit_into_the_guest_is_cut_off()
    {
        await using var host = await RunHost.StartAsync();
        host.Policy.Limits = new SandboxLimits { MaxStringBytes = new ByteCount(4) };
        var (run, _) = await host.RunAsync(async (_, guest) => await guest.ChatAsync("hi"));
        Assert.Equal("AR4003", run.Output);
        Assert.Equal(2, run.Usage.Output.Value);
    }

    private static (UsageResource, long) Totals(List<RunEventData> events)
    {
        var totals = Assert.IsType<RunSucceeded>(events[^1]).Totals;
        return (totals.Usage, totals.CostMicroUsd);
    }
}
