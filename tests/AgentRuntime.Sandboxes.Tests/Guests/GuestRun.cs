using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>Runs real guests on the chosen engine and answers their calls from a script.</summary>
internal sealed class GuestRun
{
    // The machine that runs the tests may be busy with others; what compiling may take is tested elsewhere.
    public static readonly WasmSandboxEngine Engine = new(
        ChosenEngine.Create(),
        new() { Compile = new() { MaxTime = TimeSpan.FromMinutes(2) } },
        TimeProvider.System);

    private GuestRun(SandboxStep last, SandboxUsage usage, List<HostCall> calls, RecordedLog log)
    {
        Last = last;
        Usage = usage;
        Calls = calls;
        Log = log.Lines;
    }

    /// <summary>How it ended.</summary>
    public SandboxStep Last { get; }

    public SandboxUsage Usage { get; }

    /// <summary>What the guest asked for, in order.</summary>
    public List<HostCall> Calls { get; }

    public List<(GuestLogLevel Level, string Message)> Log { get; }

    /// <summary>The output; fails the test when there is none.</summary>
    public string Output => Assert.IsType<SandboxStep.Finished>(Last).Output;

    /// <summary>The error of a guest that trapped; fails the test when it did not.</summary>
    public RuntimeError Trap => Assert.IsType<SandboxStep.Trapped>(Last).Error;

    public static ValueTask<ISandboxModule> CompileAsync(byte[] wasm) => Engine.CompileAsync(wasm, default);

    public static async Task<GuestRun> RunAsync(
        byte[] wasm,
        string input,
        Func<HostCall, HostCallResult>? answer = null,
        SandboxLimits? limits = null,
        IReadOnlyDictionary<string, string>? settings = null) =>
        await RunAsync(await CompileAsync(wasm), input, answer, limits, settings);

    public static async Task<GuestRun> RunAsync(
        ISandboxModule module,
        string input,
        Func<HostCall, HostCallResult>? answer = null,
        SandboxLimits? limits = null,
        IReadOnlyDictionary<string, string>? settings = null)
    {
        var log = new RecordedLog();
        var calls = new List<HostCall>();
        await using var sandbox = settings is null
            ? module.Instantiate(limits ?? new(), log)
            : module.Instantiate(limits ?? new(), log, settings);
        var step = await sandbox.StartAsync(input, default);
        while (step is SandboxStep.Blocked blocked)
        {
            calls.Add(blocked.Call);
            step = await sandbox.ResumeAsync((answer ?? Answers)(blocked.Call), default);
        }

        return new GuestRun(step, sandbox.Usage, calls, log);
    }

    /// <summary>
    /// Answers like a small shop: orders ORD-1001 to ORD-1020 exist, refunds up to 5,000 cents are made, and nobody may
    /// delete a customer.
    /// </summary>
    public static HostCallResult Answers(HostCall call) => call switch
    {
        HostCall.Chat chat => new HostCallResult.Chat(new ChatResponse(
            $"Dear customer, grüße ({chat.Messages.Count} messages).",
            [],
            "stop",
            new InferenceUsage(new(50), new(8), new(12)))),
        HostCall.ListTools => new HostCallResult.ToolList(
        [
            new("shop/lookup_order", "Finds an order", JsonDocument.Parse("""{"type":"object"}""").RootElement),
            new("shop/refund", "Pays back", default),
        ]),
        HostCall.CallTool { Name: "shop/lookup_order" } tool =>
            Argument(tool, "order_id").GetString()!.StartsWith("ORD-10", StringComparison.Ordinal)
                ? new HostCallResult.Tool("""{"item":"Teapot","total_cents":4250}""")
                : Refuse(ReasonCodes.ToolFailed, "no such order", "shop/lookup_order"),
        HostCall.CallTool { Name: "shop/refund" } tool => Argument(tool, "amount_cents").GetInt64() <= 5000
            ? new HostCallResult.Tool("refunded")
            : Refuse(ReasonCodes.ForbiddenByRule, "refunds above 5000 cents are not granted", "refund-limit"),
        HostCall.Sleep => new HostCallResult.Slept(),
        _ => Refuse(ReasonCodes.DefaultDeny, "no rule allows it", null),
    };

    public static HostCallResult Refuse(ReasonCode code, string message, string? where) =>
        new HostCallResult.Refused(new RuntimeError(code, message, where, "Ask the tenant's administrator."));

    private static JsonElement Argument(HostCall.CallTool call, string name) =>
        JsonDocument.Parse(call.ArgumentsJson).RootElement.GetProperty(name);
}
