namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>
/// The program that compiles modules in processes of their own, which can be ended whatever the compiler does (decision
/// record 0133): one that gives the arguments behind <see cref="Arguments"/> to <see cref="CompilerWorker.Run"/>.
/// Immutable.
/// </summary>
/// <param name="File">The executable.</param>
/// <param name="Arguments">What it is started with, before the worker's own arguments.</param>
public sealed record CompilerProgram(string File, IReadOnlyList<string> Arguments)
{
    /// <summary>Bytes of memory that one compilation may take. Default 1 GiB: compilers' own output of 10 MB takes a
    /// third of it.</summary>
    public long MaxMemoryBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Whether a process waits, ready, for the next module once there was one: it takes some tens of MiB, and a small
    /// module then a third to a half of the time. Default false.
    /// </summary>
    public bool KeepsReady { get; init; }

    /// <summary>Bytes of machine code that a module may become. Default 256 MiB.</summary>
    public int MaxCodeBytes { get; init; } = 256 << 20;

    /// <summary>How long a process may take to get ready; past it the machine is too busy, whatever the module.
    /// Default 30 s.</summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(30);
}
