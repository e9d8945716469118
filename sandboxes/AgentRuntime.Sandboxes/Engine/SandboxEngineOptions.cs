using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>How a <see cref="WasmSandboxEngine"/> uses the machine. Immutable.</summary>
public sealed record SandboxEngineOptions
{
    /// <summary>Compiled modules that are kept; the least recently used goes first. Default 128.</summary>
    public int MaxCachedModules { get; init; } = 128;

    /// <summary>Bytes of the host's memory that kept modules may take, as their engine reckons. Default
    /// 1 GiB.</summary>
    public long MaxCachedBytes { get; init; } = 1L << 30;

    /// <summary>Modules that are compiled at once. Default 1: compiling takes one core from serving at most.</summary>
    public int MaxCompilations { get; init; } = 1;

    /// <summary>Modules that may wait to be compiled; more are refused (AR3014). Default 64.</summary>
    public int MaxWaitingCompilations { get; init; } = 64;

    /// <summary>Limits of each compilation.</summary>
    public CompileLimits Compile { get; init; } = new();

    /// <summary>
    /// Threads that run guests. With an engine that cannot suspend, a guest that waits holds its thread, so this bounds
    /// the runs under way. Default 256.
    /// </summary>
    public int MaxGuestThreads { get; init; } = 256;

    /// <summary>Guests that may wait for a thread; more are refused (AR3014). Default 1,024.</summary>
    public int MaxWaitingGuests { get; init; } = 1_024;

    /// <summary>
    /// Bytes of a guest thread's stack; reserved, and used only as far as calls nest. Default 16 MiB: 1,000 frames of
    /// 16 KiB.
    /// </summary>
    public int GuestStackBytes { get; init; } = 16 << 20;

    /// <summary>Throws when a value makes no sense, naming all that do not.</summary>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public void Validate()
    {
        var problems = new List<string>();
        AtLeast(MaxCachedModules, 1, nameof(MaxCachedModules));
        AtLeast(MaxCachedBytes, 0, nameof(MaxCachedBytes));
        AtLeast(MaxCompilations, 1, nameof(MaxCompilations));
        AtLeast(MaxWaitingCompilations, 0, nameof(MaxWaitingCompilations));
        AtLeast(MaxGuestThreads, 1, nameof(MaxGuestThreads));
        AtLeast(MaxWaitingGuests, 0, nameof(MaxWaitingGuests));
        AtLeast(GuestStackBytes, 1 << 20, nameof(GuestStackBytes));
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems));

        void AtLeast(long value, long least, string name)
        {
            if (value < least) problems.Add($"{name} is {value}, but must be at least {least}");
        }
    }
}
