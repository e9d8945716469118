using System.Globalization;

namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>What a compiler process is told by its arguments. Immutable.</summary>
internal sealed record CompilerJob(
    string? Library, bool Metered, int MaxGuestStackBytes, bool TrapsBySignals, long MaxMemoryBytes)
{
    public IReadOnlyList<string> Arguments =>
    [
        CompilerWorker.Verb,
        Library ?? "",
        Metered ? "metered" : "plain",
        MaxGuestStackBytes.ToString(CultureInfo.InvariantCulture),
        TrapsBySignals ? "signals" : "checks",
        MaxMemoryBytes.ToString(CultureInfo.InvariantCulture),
    ];

    /// <exception cref="FormatException">They are none.</exception>
    public static CompilerJob Parse(string[] arguments) =>
        arguments is [_, var library, var fuel, var stack, var traps, var memory]
            ? new(
                library.Length == 0 ? null : library,
                fuel == "metered",
                int.Parse(stack, CultureInfo.InvariantCulture),
                traps == "signals",
                long.Parse(memory, CultureInfo.InvariantCulture))
            : throw new FormatException("these are not the arguments of a compiler process");
}
