using System.Buffers.Binary;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Wasi;

/// <summary>
/// The three standard streams: an empty input, and two outputs that become lines of the run's log. Stateless.
/// </summary>
internal static class WasiStreams
{
    private const int MaxVectors = 1024;
    private const byte CharacterDevice = 2;
    private const ulong RightToWrite = 1 << 6;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        WasiImports.Function("fd_write", "iiii", Write),
        WasiImports.Function("fd_read", "iiii", static (session, a) =>
        {
            if (a[0].AsI32() != 0) return WasiErrno.BadDescriptor;
            WasiImports.StoreU32(session, a[3], 0);
            return WasiErrno.Success;
        }),
        WasiImports.Function("fd_close", "i", static (_, a) =>
            IsStandard(a[0]) ? WasiErrno.Success : WasiErrno.BadDescriptor),
        WasiImports.Function("fd_seek", "iIii", static (_, a) =>
            IsStandard(a[0]) ? WasiErrno.InvalidSeek : WasiErrno.BadDescriptor),
        WasiImports.Function("fd_fdstat_get", "ii", Status),
    ];

    private static bool IsStandard(WasmValue descriptor) => descriptor.AsI32() is >= 0 and <= 2;

    private static WasiErrno Write(GuestSession session, WasmValue[] a)
    {
        var descriptor = a[0].AsI32();
        if (descriptor is not (1 or 2)) return WasiErrno.BadDescriptor;
        var count = (uint)a[2].AsI32();
        if (count > MaxVectors) return WasiErrno.Invalid;
        var written = 0L;
        var lines = 0;
        for (var i = 0u; i < count; i++)
        {
            var vector = GuestText.View(session.Memory, (uint)a[1].AsI32() + (i * 8), 8, 4);
            var address = BinaryPrimitives.ReadUInt32LittleEndian(vector);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(vector[4..]);
            written += length;
            if (written > int.MaxValue) return WasiErrno.Invalid;
            session.WriteStream(descriptor, GuestText.View(session.Memory, address, length, 1), ref lines);
        }
        WasiImports.StoreU32(session, a[3], (uint)written);
        return WasiErrno.Success;
    }

    private static WasiErrno Status(GuestSession session, WasmValue[] a)
    {
        if (!IsStandard(a[0])) return WasiErrno.BadDescriptor;
        var area = GuestText.Window(session.Memory, (uint)a[1].AsI32(), 24, 8);
        area.Clear();
        area[0] = CharacterDevice;
        BinaryPrimitives.WriteUInt64LittleEndian(area[8..], a[0].AsI32() == 0 ? 0 : RightToWrite);
        return WasiErrno.Success;
    }
}
