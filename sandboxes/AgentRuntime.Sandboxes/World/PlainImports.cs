using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.World;

/// <summary>The interfaces <c>log</c>, <c>timer</c> and <c>config</c>. Stateless.</summary>
internal static class PlainImports
{
    private const int MaxConfigKeyBytes = 1024;
    // Within what timers can hold (2^32 - 2 ms).
    private const ulong MaxSleepMs = 30UL * 24 * 60 * 60 * 1000;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        new(AgentWorld.Interface("log"), "write", Signature.Of("iii"), MayBlock: false, Log),
        new(AgentWorld.Interface("timer"), "sleep", Signature.Of("Ii"), MayBlock: true, Sleep),
        new(AgentWorld.Interface("timer"), "now", Signature.Of("", "I"), MayBlock: false, Now),
        new(AgentWorld.Interface("config"), "get", Signature.Of("iii"), MayBlock: false, ConfigGet),
    ];

    private static HostReturn Log(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var flat = new FlatReader(arguments);
        var level = (GuestLogLevel)(GuestLift.Discriminant(flat.I32(), 4, "a log level") + 1);
        session.Log.Write(level, GuestText.View(session.Memory, flat.U32(), flat.U32(), 1));
        return HostReturn.Completed;
    }

    private static HostReturn Sleep(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var flat = new FlatReader(arguments);
        var duration = TimeSpan.FromMilliseconds((long)Math.Min((ulong)flat.I64(), MaxSleepMs));
        return session.Block(new HostCall.Sleep(duration), flat.U32());
    }

    private static HostReturn Now(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        results[0] = WasmValue.FromI64(session.Time.GetUtcNow().ToUnixTimeMilliseconds());
        return HostReturn.Completed;
    }

    private static HostReturn ConfigGet(
        GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var flat = new FlatReader(arguments);
        var key = new GuestLift(session.Memory, MaxConfigKeyBytes).Text(flat.U32(), flat.U32());
        var area = session.CheckReturnArea(flat.U32(), sizeBytes: 12);
        session.Lower().At(area).OptionalText(session.Settings.Value(key));
        return HostReturn.Completed;
    }
}
