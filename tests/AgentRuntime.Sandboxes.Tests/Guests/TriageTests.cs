using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;
using static System.StringComparison;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>The demo's agent, written in AssemblyScript.</summary>
public sealed class TriageTests
{
    private static readonly byte[] Triage = Wasm.Dist("triage");

    [Theory]
    [InlineData("refund", "ORD-1003", "shop/lookup_order", "shop/refund", "chat")]
    [InlineData("refund", "ORD-3141", "shop/lookup_order", "chat")]
    [InlineData("refund", "", "chat")]
    [InlineData("delete_account", "ORD-1003", "shop/lookup_order", "shop/delete_customer", "chat")]
    [InlineData("delete_account", "ORD-3141", "shop/lookup_order", "shop/delete_customer", "chat")]
    [InlineData("question", "ORD-1003", "shop/lookup_order", "chat")]
    public async Task A_form_is_handled_with_the_calls_that_it_asks_for(
        string intent, string order, params string[] calls)
    {
        var run = await GuestRun.RunAsync(Triage, Ticket(intent, 4250).Replace("ORD-1003", order, Ordinal));

        var summary = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal("T", summary.GetProperty("ticket").GetString());
        Assert.Equal("Dear customer, grüße (2 messages).", summary.GetProperty("reply").GetString());
        Assert.Equal(calls, run.Calls.Select(Name));
    }

    [Fact]
    public async Task The_model_decides_about_a_letter_with_the_tools_that_policy_lets_it_see()
    {
        var run = await GuestRun.RunAsync(Triage, Letter, Script(
            Asks("shop/lookup_order", """{"order_id":"ORD-1003"}"""),
            Asks("shop/refund", """{"order_id":"ORD-1003","amount_cents":9900,"reason":"cracked"}"""),
            Says("I may not.")));

        Assert.Equal(
            [
                "shop/lookup_order ORD-1003: ok",
                "shop/refund 9900 cents of ORD-1003: refused AR2003: refunds above 5000 cents are not granted",
            ],
            Actions(run.Output));
        Assert.Equal("I may not.", JsonDocument.Parse(run.Output).RootElement.GetProperty("reply").GetString());
        var chats = run.Calls.OfType<HostCall.Chat>().ToArray();
        Assert.All(chats, chat => Assert.Equal(["shop/lookup_order", "shop/refund"], chat.Options.Tools));
        Assert.Equal(0, chats[0].Options.Temperature);
        Assert.Equal(
            "Customer: Yuki (CUS-003)\nOrder: ORD-1003\nTicket: It leaks.\nAsked: 4250 cents",
            chats[0].Messages[1].Content);
        Assert.Equal(
            [ChatRole.System, ChatRole.User, ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant, ChatRole.Tool],
            chats[^1].Messages.Select(message => message.Role));
        Assert.StartsWith("refused AR2003", chats[^1].Messages[^1].Content, Ordinal);
    }

    [Fact]
    public async Task A_model_that_never_answers_is_given_up()
    {
        var run = await GuestRun.RunAsync(
            Triage, Letter, Script(Asks("shop/lookup_order", """{"order_id":"ORD-1003"}""")));

        Assert.Equal("gave up: the model asked for tools in each of 4 rounds", Actions(run.Output)[^1]);
        Assert.Equal(4, run.Calls.OfType<HostCall.Chat>().Count());
    }

    [Fact]
    public async Task A_refusal_is_reported_with_its_code_and_the_agent_goes_on()
    {
        var run = await GuestRun.RunAsync(Triage, Ticket("delete_account"));

        Assert.Equal(
            ["look up ORD-1003: ok", "delete CUS-003: refused AR2002: no rule allows it", "draft reply: ok"],
            Actions(run.Output));
        Assert.Contains((GuestLogLevel.Warning, "delete CUS-003: AR2002: no rule allows it"), run.Log);
    }

    [Fact]
    public async Task A_refund_asks_for_what_the_ticket_asks_for()
    {
        var run = await GuestRun.RunAsync(Triage, Ticket("refund", 4250));

        var call = Assert.IsType<HostCall.CallTool>(run.Calls[1]);
        var arguments = JsonDocument.Parse(call.ArgumentsJson).RootElement;
        Assert.Equal("ORD-1003", arguments.GetProperty("order_id").GetString());
        Assert.Equal(4250, arguments.GetProperty("amount_cents").GetInt64());
        Assert.Equal("It \"leaks\".\nÜberall! 🫖", arguments.GetProperty("reason").GetString());
        Assert.Contains("refund 4250 cents of ORD-1003: ok", Actions(run.Output));
    }

    [Fact]
    public async Task A_model_that_is_refused_leaves_the_reply_out()
    {
        var run = await GuestRun.RunAsync(Triage, Ticket("question"), static call => call is HostCall.Chat
            ? GuestRun.Refuse(ReasonCodes.TokenQuota, "the tokens of this minute are used up", null)
            : GuestRun.Answers(call));

        Assert.Equal("draft reply: refused AR6002: the tokens of this minute are used up", Actions(run.Output)[^1]);
    }

    [Fact]
    public async Task Its_chat_says_what_was_done_and_bounds_the_answer()
    {
        var run = await GuestRun.RunAsync(Triage, Ticket("refund", 9900));

        var chat = Assert.IsType<HostCall.Chat>(run.Calls[^1]);
        Assert.Equal([ChatRole.System, ChatRole.User], chat.Messages.Select(m => m.Role));
        Assert.Contains("refused AR2003", chat.Messages[1].Content, Ordinal);
        Assert.Equal(48, chat.Options.MaxOutputTokens);
        Assert.Null(chat.Options.Model);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("{\"id\":")]
    [InlineData("{\"id\":\"T\"}")]
    [InlineData("[1]")]
    public async Task An_input_that_is_no_ticket_is_an_error_of_the_agents_own(string input)
    {
        var run = await GuestRun.RunAsync(Triage, input);

        Assert.StartsWith("the input is not a ticket", Assert.IsType<SandboxStep.Failed>(run.Last).Error,
            Ordinal);
        Assert.Empty(run.Calls);
    }

    [Fact]
    public async Task It_does_the_same_on_an_engine_that_cannot_suspend_it()
    {
        var ticket = Ticket("delete_account");
        using var engine = new WasmSandboxEngine(new ThreadHoldingEngine(), new(), TimeProvider.System);
        var module = await engine.CompileAsync(Triage, default);

        var suspending = await GuestRun.RunAsync(Triage, ticket);
        var holding = await GuestRun.RunAsync(module, ticket);

        Assert.Equal(suspending.Output, holding.Output);
        Assert.Equal(suspending.Calls.Select(c => c.ToString()), holding.Calls.Select(c => c.ToString()));
        Assert.Equal(suspending.Usage.HostCalls, holding.Usage.HostCalls);
    }

    private static string Ticket(string intent, int amountCents = 0) => $$"""
        {"id":"T","customer_id":"CUS-003","customer":"Yuki","order_id":"ORD-1003","intent":"{{intent}}",
         "amount_cents": {{amountCents}} , "extra":{"a":[1,"}"]}, "text":"It \"leaks\".\n\u00dcberall! \ud83e\uded6"}
        """;

    private const string Letter =
        """
        {"id":"T","customer_id":"CUS-003","customer":"Yuki","order_id":"ORD-1003","amount_cents":4250,
         "text":"It leaks."}
        """;

    /// <summary>A model that says these things in turn, the last again and again.</summary>
    private static Func<HostCall, HostCallResult> Script(params ChatResponse[] answers)
    {
        var at = 0;
        return call => call is HostCall.Chat
            ? new HostCallResult.Chat(answers[Math.Min(at++, answers.Length - 1)])
            : GuestRun.Answers(call);
    }

    private static ChatResponse Asks(string tool, string argumentsJson) =>
        new("", [new ModelToolCall("call_1", tool, argumentsJson)], "tool_calls", new(new(50), new(8), new(12)));

    private static ChatResponse Says(string text) => new(text, [], "stop", new(new(50), new(8), new(12)));

    private static string[] Actions(string output) =>
        [.. JsonDocument.Parse(output).RootElement.GetProperty("actions").EnumerateArray().Select(a => a.GetString()!)];

    private static string Name(HostCall call) => call is HostCall.CallTool tool ? tool.Name : "chat";

    private sealed class ThreadHoldingEngine : IWasmEngine
    {
        private readonly IWasmEngine _chosen = ChosenEngine.Create();

        public string Name => _chosen.Name;

        public bool SupportsSuspension => false;

        public IWasmModule Compile(
            ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken) =>
            _chosen.Compile(wasm, limits with { MaxTime = TimeSpan.FromMinutes(2) }, cancellationToken);
    }
}
