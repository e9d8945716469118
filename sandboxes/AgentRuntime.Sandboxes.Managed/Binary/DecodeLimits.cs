namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>
/// How many of each thing a module may have that takes much more memory than bytes, be it here or in every instance.
/// Beside <see cref="Core.CompileLimits"/>: what compilers write stays far below, and V8 has limits of the kind.
/// </summary>
internal static class DecodeLimits
{
    public const int Types = 100_000;
    public const int Tables = 100;
    public const int Globals = 50_000;
    public const int Exports = 100_000;
    public const int Segments = 100_000;
}
