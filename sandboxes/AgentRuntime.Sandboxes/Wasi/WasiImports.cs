using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Wasi;

/// <summary>
/// WASI preview 1 for C and Rust libraries: clocks, random numbers, arguments (none), environment (the agent's
/// configuration), standard output and error (the run's log). The rest of the interface links and answers that there
/// are no files and no sockets, because libraries import it whether they use it or not. Stateless.
/// </summary>
internal static class WasiImports
{
    public const string Module = "wasi_snapshot_preview1";

    public static IEnumerable<WorldFunction> All { get; } =
    [
        .. WasiProcess.All,
        .. WasiStreams.All,
        .. WithoutFiles(WasiErrno.BadDescriptor,
            "fd_advise:iIIi fd_allocate:iII fd_datasync:i fd_fdstat_set_flags:ii fd_fdstat_set_rights:iII "
            + "fd_filestat_get:ii fd_filestat_set_size:iI fd_filestat_set_times:iIIi fd_pread:iiiIi fd_prestat_get:ii "
            + "fd_prestat_dir_name:iii fd_pwrite:iiiIi fd_readdir:iiiIi fd_renumber:ii fd_sync:i fd_tell:ii"),
        .. WithoutFiles(WasiErrno.NotCapable,
            "path_create_directory:iii path_filestat_get:iiiii path_filestat_set_times:iiiiIIi path_link:iiiiiii "
            + "path_open:iiiiiIIii path_readlink:iiiiii path_remove_directory:iii path_rename:iiiiii "
            + "path_symlink:iiiii path_unlink_file:iii sock_accept:iii sock_recv:iiiiii sock_send:iiiii "
            + "sock_shutdown:ii"),
        WasiPoll.Function,
        .. WithoutFiles(WasiErrno.NotSupported, "proc_raise:i"),
    ];

    /// <summary>A function of the interface that returns an error number.</summary>
    public static WorldFunction Function(
        string name, string parameters, Func<GuestSession, WasmValue[], WasiErrno> body) =>
        new(Module, name, Signature.Of(parameters, "i"), MayBlock: false, (session, arguments, results) =>
        {
            results[0] = WasmValue.FromI32((int)body(session, arguments.ToArray()));
            return HostReturn.Completed;
        });

    private static IEnumerable<WorldFunction> WithoutFiles(WasiErrno answer, string functions) =>
        from function in functions.Split(' ')
        let parts = function.Split(':')
        select Function(parts[0], parts[1], (_, _) => answer);

    /// <summary>Writes a result through a pointer of the guest.</summary>
    public static void StoreU32(GuestSession session, WasmValue address, uint value) =>
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(
            GuestText.Window(session.Memory, (uint)address.AsI32(), 4, 4), value);

    /// <summary>Writes a result through a pointer of the guest.</summary>
    public static void StoreU64(GuestSession session, WasmValue address, ulong value) =>
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(
            GuestText.Window(session.Memory, (uint)address.AsI32(), 8, 8), value);
}
