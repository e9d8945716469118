using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>The demo's agent, written in AssemblyScript.</summary>
public sealed class TriageTests
{
    private static readonly byte[] Triage = Wasm.Dist("triage");

    [Fact]
    public async Task Every_ticket_of_the_sample_is_handled_with_the_calls_that_it_asks_for()
    {
        var lines = File.ReadLines(Path.Combine(Repository.Root, "runtime", "samples", "tickets", "tickets.jsonl"));
        var handled = 0;
        foreach (var line in lines)
        {
            var ticket = JsonDocument.Parse(line).RootElement;

            var run = await GuestRun.RunAsync(Triage, line);

            var summary = JsonDocument.Parse(run.Output).RootElement;
            Assert.Equal(ticket.GetProperty("id").GetString(), summary.GetProperty("ticket").GetString());
            Assert.Equal("Dear customer, grüße (2 messages).", summary.GetProperty("reply").GetString());
            var unknown = ticket.GetProperty("order_id").GetString() is not ['O', 'R', 'D', '-', '1', '0', ..];
            Assert.Equal(Expected(ticket.GetProperty("intent").GetString()!, unknown), run.Calls.Select(Name));
            handled++;
        }

        Assert.Equal(20, handled);
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
        Assert.Contains("refused AR2003", chat.Messages[1].Content, StringComparison.Ordinal);
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
            StringComparison.Ordinal);
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

    private static string[] Actions(string output) =>
        [.. JsonDocument.Parse(output).RootElement.GetProperty("actions").EnumerateArray().Select(a => a.GetString()!)];

    private static string[] Expected(string intent, bool unknownOrder) => intent switch
    {
        "refund" when !unknownOrder => ["shop/lookup_order", "shop/refund", "chat"],
        "delete_account" => ["shop/lookup_order", "shop/delete_customer", "chat"],
        _ => ["shop/lookup_order", "chat"],
    };

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
