using System.Buffers.Binary;
using System.Security.Cryptography;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Wasi;

/// <summary>Clocks, random numbers, arguments, environment and exit. Stateless.</summary>
internal static class WasiProcess
{
    // Guests see time in milliseconds: a finer clock is what measures neighbours' use of the processor's caches.
    private const ulong ClockResolutionNs = 1_000_000;

    // One call may not keep the host busy for long: its time is not the guest's.
    private const int MaxRandomBytes = 64 << 10;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        WasiImports.Function("args_sizes_get", "ii", static (session, a) => Sizes(session, a, count: 0, bytes: 0)),
        WasiImports.Function("args_get", "ii", static (_, _) => WasiErrno.Success),
        WasiImports.Function("environ_sizes_get", "ii", static (session, a) =>
            Sizes(session, a, session.Settings.Starts.Length, session.Settings.Environment.Length)),
        WasiImports.Function("environ_get", "ii", EnvironGet),
        WasiImports.Function("clock_res_get", "ii", static (session, a) =>
        {
            if (!IsClock(a[0])) return WasiErrno.Invalid;
            WasiImports.StoreU64(session, a[1], ClockResolutionNs);
            return WasiErrno.Success;
        }),
        WasiImports.Function("clock_time_get", "iIi", ClockTimeGet),
        WasiImports.Function("random_get", "ii", RandomGet),
        WasiImports.Function("sched_yield", "", static (_, _) => WasiErrno.Success),
        new(WasiImports.Module, "proc_exit", Signature.Of("i"), MayBlock: false, static (_, arguments, _) =>
            throw new WasmTrapException(TrapKind.Unreachable,
                $"the guest exited with status {arguments[0].AsI32()} before its run returned")),
    ];

    private static bool IsClock(WasmValue id) => id.AsI32() is 0 or 1;

    private static WasiErrno ClockTimeGet(GuestSession session, WasmValue[] a)
    {
        if (!IsClock(a[0])) return WasiErrno.Invalid;
        var ms = a[0].AsI32() == 0
            ? session.Time.GetUtcNow().ToUnixTimeMilliseconds()
            : (long)session.Time.GetElapsedTime(0).TotalMilliseconds;
        WasiImports.StoreU64(session, a[2], (ulong)ms * ClockResolutionNs);
        return WasiErrno.Success;
    }

    private static WasiErrno RandomGet(GuestSession session, WasmValue[] a)
    {
        var length = (uint)a[1].AsI32();
        GuestText.Check(session.Memory, (uint)a[0].AsI32(), length, 1);
        if (length > MaxRandomBytes) return WasiErrno.Invalid;
        RandomNumberGenerator.Fill(GuestText.Window(session.Memory, (uint)a[0].AsI32(), length, 1));
        return WasiErrno.Success;
    }

    private static WasiErrno Sizes(GuestSession session, WasmValue[] a, int count, int bytes)
    {
        WasiImports.StoreU32(session, a[0], (uint)count);
        WasiImports.StoreU32(session, a[1], (uint)bytes);
        return WasiErrno.Success;
    }

    private static WasiErrno EnvironGet(GuestSession session, WasmValue[] a)
    {
        var starts = session.Settings.Starts;
        var environment = session.Settings.Environment;
        var text = (uint)a[1].AsI32();
        environment.CopyTo(GuestText.Window(session.Memory, text, environment.Length, 1));
        var pointers = GuestText.Window(session.Memory, (uint)a[0].AsI32(), starts.Length * 4L, 4);
        for (var i = 0; i < starts.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(pointers[(i * 4)..], text + (uint)starts[i]);
        return WasiErrno.Success;
    }
}
