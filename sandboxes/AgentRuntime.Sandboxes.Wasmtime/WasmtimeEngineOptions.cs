namespace AgentRuntime.Sandboxes.Wasmtime;

/// <summary>How Wasmtime uses the machine. Compared by content: equal options share one native engine.
/// Immutable.</summary>
public sealed record WasmtimeEngineOptions
{
    /// <summary>
    /// Instances that live at once in the pool, whose address space is reserved when the first module is compiled: 4
    /// GiB each, of which nothing is used before it is touched. 0 for no pool. Fewer are taken where so much address
    /// space cannot be had. Default 4,000 (Wasmtime: 1,000; the kernel allows 65,530 mappings, and an instance takes
    /// three).
    /// </summary>
    public int PooledInstances { get; init; } = 4_000;

    /// <summary>The same for instances with fuel, which run code of their own. Default 500.</summary>
    public int PooledMeteredInstances { get; init; } = 500;

    /// <summary>Elements of one table in the pool; a module that starts with more does without. Default
    /// 65,536.</summary>
    public int PooledTableElements { get; init; } = 65_536;

    /// <summary>
    /// Bytes of stack that a guest's calls may take: Wasmtime counts no frames, so this stands for the call depth.
    /// Default 512 KiB, as in Wasmtime.
    /// </summary>
    public int MaxGuestStackBytes { get; init; } = 512 << 10;

    /// <summary>
    /// Whether faults of guest code become traps by signal handlers, which the library then installs in the process
    /// (decision record 0132). Without, code checks every access itself. The C API of release 36 has no such switch, so
    /// that false is refused there (AR3018). Default true.
    /// </summary>
    public bool TrapsBySignals { get; init; } = true;

    /// <summary>
    /// Bytes that a guest which may wait keeps about its host calls, to be replayed when the answer is there; one that
    /// needs more traps when it waits. Default 16 MiB.
    /// </summary>
    public int MaxJournalBytes { get; init; } = 16 << 20;

    /// <summary>
    /// Compilations in this process that went on past their time limit and are still not over: the library cannot be
    /// told to stop. More are not begun meanwhile. Default 2.
    /// </summary>
    public int MaxOverdueCompilations { get; init; } = 2;
}
