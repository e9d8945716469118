using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>The example agents and tools of the C, Rust and JavaScript kits.</summary>
public sealed class KitTests
{
    [Fact]
    public async Task The_C_agent_counts_and_asks_for_one_sentence()
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("digest"), "zwei Wörter\nund\tnoch  drei davon\n");

        Assert.Equal("2 lines, 6 words. Dear customer, grüße (2 messages).", run.Output);
        Assert.Equal((GuestLogLevel.Info, "34 bytes of input"), Assert.Single(run.Log));
    }

    [Fact]
    public async Task The_C_agent_shortens_a_long_text_between_characters()
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("digest"), new string('é', 5000));

        var chat = Assert.IsType<HostCall.Chat>(Assert.Single(run.Calls));
        Assert.Equal(new string('é', 1000), chat.Messages[1].Content);
    }

    [Fact]
    public async Task The_C_agent_reports_a_refusal()
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("digest"), "",
            static _ => GuestRun.Refuse(ReasonCodes.ModelNotGranted, "not granted", "model"));

        Assert.Equal("0 lines, 0 words. No summary: AR2009: not granted", run.Output);
    }

    [Fact]
    public async Task The_Rust_agent_lets_the_model_call_tools_and_gives_it_the_refusals_too()
    {
        var rounds = 0;

        var run = await GuestRun.RunAsync(Wasm.Dist("assistant"), "Where is my teapot?", call =>
            call is HostCall.Chat && rounds++ == 0
                ? new HostCallResult.Chat(new ChatResponse(
                    "",
                    [
                        new("c1", "shop/lookup_order", """{"order_id":"ORD-1003"}"""),
                        new("c2", "shop/delete_customer", "{}"),
                    ],
                    "tool_calls", InferenceUsage.None))
                : GuestRun.Answers(call));

        Assert.Equal("Dear customer, grüße (5 messages).", run.Output);
        Assert.Equal(["ListTools", "Chat", "CallTool", "CallTool", "Chat"], run.Calls.Select(c => c.GetType().Name));
        var chat = Assert.IsType<HostCall.Chat>(run.Calls[^1]);
        Assert.Equal(["shop/lookup_order", "shop/refund"], chat.Options.Tools);
        Assert.Equal(["c1", "c2"], chat.Messages[2].ToolCalls.Select(c => c.Id));
        Assert.Equal("c1", chat.Messages[3].ToolCallId);
        Assert.Equal("refused AR2002: no rule allows it", chat.Messages[4].Content);
        Assert.Contains((GuestLogLevel.Info, "2 tools: shop/lookup_order, shop/refund"), run.Log);
    }

    [Fact]
    public async Task The_Rust_agent_gives_up_on_a_model_that_only_asks()
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("assistant"), "?", static call => call is HostCall.Chat
            ? new HostCallResult.Chat(new(
                "", [new("c", "shop/refund", "{\"amount_cents\":1}")], "tool_calls", InferenceUsage.None))
            : GuestRun.Answers(call));

        Assert.IsType<SandboxStep.Failed>(run.Last);
        Assert.Equal(9, run.Calls.Count);
    }

    [Theory]
    [InlineData("""{"iban":"DE89 3704 0044 0532 0130 00"}""", """{"iban":"DE89370400440532013000","valid":true}""")]
    [InlineData("""{"iban":"gb82west12345698765432"}""", """{"iban":"GB82WEST12345698765432","valid":true}""")]
    [InlineData("""{"iban":"DE89370400440532013001"}""", """{"iban":"DE89370400440532013001","valid":false}""")]
    [InlineData("""{"iban":"\ud83d\ude00 DE"}""", """{"iban":"😀DE","valid":false}""")]
    public async Task The_Rust_tool_checks_an_IBAN(string arguments, string result)
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("iban"), arguments);

        Assert.Equal(result, run.Output);
    }

    [Theory]
    [InlineData("{", "the arguments are not JSON")]
    [InlineData("{\"iban\":5}", "the argument 'iban' is missing")]
    public async Task The_Rust_tool_says_what_is_wrong_with_its_arguments(string arguments, string error)
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("iban"), arguments);

        Assert.Equal(new SandboxStep.Failed(error), run.Last);
    }

    [Fact]
    public async Task The_JavaScript_agent_greets_in_words_of_the_models()
    {
        var run = await GuestRun.RunAsync(JavaScript("greeter/agent.js"), "Zoë");

        Assert.Equal(
            """{"greeting":"Dear customer, grüße (2 messages).","tools":["shop/lookup_order","shop/refund"],"""
            + "\"tokens\":12}",
            run.Output);
        var chat = Assert.IsType<HostCall.Chat>(run.Calls[^1]);
        Assert.Equal(0.5f, chat.Options.Temperature);
        Assert.Equal(7, chat.Options.Seed);
        Assert.Equal("Zoë", chat.Messages[1].Content);
    }

    [Fact]
    public async Task The_JavaScript_tool_makes_a_title_fit_for_an_address()
    {
        var run = await GuestRun.RunAsync(JavaScript("slug/tool.js"), """{"title":"  Crème Brûlée & Co! "}""");

        Assert.Equal("""{"slug":"creme-brulee-co"}""", run.Output);
    }

    [Theory]
    [InlineData("function run() { return agent.call('shop/x', {}); }", "AR2002: no rule allows it")]
    [InlineData("function run() { throw new Error('no such order'); }", "no such order")]
    [InlineData("function run() {\n  return shop.x;\n}", "shop is not defined (agent.js:2:10)")]
    [InlineData("let x =\n  1 +;", "unexpected token in expression: ';' (agent.js:2:6)")]
    [InlineData("let x = 1;", "the script defines no function named run")]
    [InlineData("function run() { return new Promise(() => {}); }", "the agent's promise was never settled")]
    public async Task A_script_that_fails_says_why(string script, string error)
    {
        var run = await GuestRun.RunAsync(Wasm.WithSetting(Wasm.Dist("javascript"), "script", script), "");

        Assert.Equal(new SandboxStep.Failed(error), run.Last);
    }

    [Fact]
    public async Task A_script_reaches_the_whole_world()
    {
        const string Script = """
            async function run(input) {
              agent.sleep(1500);
              const settings = [agent.config('colour'), agent.config('none')];
              try { agent.call('shop/x', '{"a":1}'); } catch (e) { settings.push(e.code, e.where, e.action); }
              console.warn('careful', { now: agent.now() > 1e12 });
              return { input, settings, lone: '\ud800' };
            }
            """;

        var run = await GuestRun.RunAsync(Wasm.WithSetting(Wasm.Dist("javascript"), "script", Script), "ünput",
            settings: new Dictionary<string, string>(StringComparer.Ordinal) { ["colour"] = "blau" });

        Assert.Equal(
            "{\"input\":\"ünput\",\"settings\":[\"blau\",null,\"AR2002\",null,\"Ask the tenant's administrator.\"],"
            + "\"lone\":\"\\ud800\"}", run.Output);
        Assert.Equal(new HostCall.Sleep(TimeSpan.FromMilliseconds(1500)), run.Calls[0]);
        Assert.Equal(new HostCall.CallTool("shop/x", "{\"a\":1}"), run.Calls[1]);
        Assert.Equal([(GuestLogLevel.Warning, "careful {\"now\":true}")], run.Log);
    }

    [Fact]
    public async Task A_script_that_logs_an_error_says_which_and_where()
    {
        const string Script = """
            function run() {
              try { shop.x; } catch (e) { console.error('no shop:', e); }
              try { agent.call('shop/x', {}); } catch (e) { console.warn(e, null, { e: 1 }); }
              return '';
            }
            """;

        var run = await GuestRun.RunAsync(Wasm.WithSetting(Wasm.Dist("javascript"), "script", Script), "");

        Assert.Equal([GuestLogLevel.Error, GuestLogLevel.Warning], run.Log.Select(line => line.Item1));
        Assert.StartsWith(
            "no shop: ReferenceError: shop is not defined\n", run.Log[0].Item2, StringComparison.Ordinal);
        Assert.Contains("agent.js:2:", run.Log[0].Item2, StringComparison.Ordinal);
        Assert.StartsWith("HostError: AR2002: no rule allows it\n", run.Log[1].Item2, StringComparison.Ordinal);
        Assert.EndsWith(" null {\"e\":1}", run.Log[1].Item2, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_that_loops_or_hoards_is_stopped_like_any_guest()
    {
        var looping = await GuestRun.RunAsync(
            Wasm.WithSetting(Wasm.Dist("javascript"), "script", "function run() { for (;;) {} }"), "",
            limits: new SandboxLimits { MaxCpuTime = TimeSpan.FromSeconds(1) });
        var hoarding = await GuestRun.RunAsync(
            Wasm.WithSetting(
                Wasm.Dist("javascript"),
                "script",
                "function run() { const a = []; for (;;) a.push('x'.repeat(1e6)); }"),
            "",
            limits: new SandboxLimits
            {
                MaxMemory = ByteCount.FromMebibytes(16),
                MaxCpuTime = TimeSpan.FromMinutes(1),
            });

        Assert.Equal(ReasonCodes.CpuTimeLimit, looping.Trap.Code);
        Assert.Contains("memory", Assert.IsType<SandboxStep.Failed>(hoarding.Last).Error, StringComparison.Ordinal);
        Assert.True(hoarding.Usage.MemoryPeak.Value <= 16 << 20);
    }

    private static byte[] JavaScript(string path) => Wasm.WithSetting(
        Wasm.Dist("javascript"),
        "script",
        File.ReadAllText(
            Path.Combine(Repository.Root, "sandboxes", "guests", "javascript", path), Encoding.UTF8));
}
