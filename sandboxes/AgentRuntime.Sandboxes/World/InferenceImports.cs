using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.World;

/// <summary>The interface <c>inference</c>. Stateless.</summary>
internal static class InferenceImports
{
    private const uint MessageBytes = 32;
    private const uint ToolCallBytes = 24;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        new(
            AgentWorld.Interface("inference"),
            "send",
            Signature.Of("ii" + "iii" + "ii" + "if" + "iI" + "ii" + "ii" + "i"),
            MayBlock: true,
            Send),
    ];

    private static HostReturn Send(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var lift = session.Lift();
        var flat = new FlatReader(arguments);
        var messages = lift.List(flat.U32(), flat.U32(), MessageBytes, Message);
        var options = Options(lift, ref flat);
        return session.Block(new HostCall.Chat(messages, options), flat.U32());
    }

    private static ChatOptions Options(GuestLift lift, ref FlatReader flat)
    {
        var hasModel = flat.IsSome();
        var (modelAddress, modelLength) = (flat.U32(), flat.U32());
        var hasMaxTokens = flat.IsSome();
        var maxTokens = flat.U32();
        var hasTemperature = flat.IsSome();
        var temperature = flat.F32();
        var hasSeed = flat.IsSome();
        var seed = flat.I64();
        if (hasTemperature && !float.IsFinite(temperature)) throw GuestText.Lie("the temperature is not a number");
        return new ChatOptions
        {
            Model = hasModel ? lift.Text(modelAddress, modelLength) : null,
            MaxOutputTokens = hasMaxTokens ? (int)Math.Min(maxTokens, int.MaxValue) : null,
            Temperature = hasTemperature ? temperature : null,
            Seed = hasSeed ? seed : null,
            StopSequences = lift.Texts(flat.U32(), flat.U32()),
            Tools = lift.Texts(flat.U32(), flat.U32()),
        };
    }

    private static ChatMessage Message(GuestLift lift, RecordReader record)
    {
        var role = (ChatRole)(GuestLift.Discriminant(record.U8(), 4, "a role") + 1);
        var content = lift.Text(record.U32(), record.U32());
        var calls = lift.List(record.U32(), record.U32(), ToolCallBytes, ToolCall);
        var answers = GuestLift.Discriminant(record.U8(), 2, "an option") == 1;
        return new ChatMessage(role, content)
        {
            ToolCalls = calls,
            ToolCallId = answers ? lift.Text(record.U32(), record.U32()) : null,
        };
    }

    private static ModelToolCall ToolCall(GuestLift lift, RecordReader record) =>
        new(lift.Text(record.U32(), record.U32()),
            lift.Text(record.U32(), record.U32()),
            lift.Text(record.U32(), record.U32()));

    /// <summary>Lowers the record <c>response</c>.</summary>
    public static void Lower(RecordWriter record, ChatResponse response) => record
        .Text(response.Content)
        .List(response.ToolCalls, ToolCallBytes, static (r, call) =>
            r.Text(call.Id).Text(call.Name).Text(call.ArgumentsJson))
        .U8(FinishReason(response.FinishReason))
        .U32(Saturate(response.Usage.Prompt))
        .U32(Saturate(response.Usage.CachedPrompt))
        .U32(Saturate(response.Usage.Output));

    private static byte FinishReason(string name) => name switch
    {
        "stop" => 0,
        "length" => 1,
        "tool_calls" => 2,
        "content_filter" => 3,
        _ => 4,
    };

    private static uint Saturate(TokenCount tokens) => (uint)Math.Min(tokens.Value, uint.MaxValue);
}
