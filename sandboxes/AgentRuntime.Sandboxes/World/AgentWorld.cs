using System.Collections.Frozen;
using AgentRuntime.Sandboxes.Wasi;

namespace AgentRuntime.Sandboxes.World;

/// <summary>
/// Everything that a guest can import: the world of <c>sandboxes/wit/agent.wit</c> and the subset of WASI preview 1.
/// Nothing else is linkable. Immutable.
/// </summary>
internal static class AgentWorld
{
    /// <summary>The export that runs the agent.</summary>
    public const string Run = "run";

    /// <summary>Called with the address that <see cref="Run"/> returned, when the guest has it.</summary>
    public const string PostRun = "cabi_post_run";

    /// <summary>Through which the host allocates what it gives to the guest.</summary>
    public const string Realloc = "cabi_realloc";

    /// <summary>The linear memory.</summary>
    public const string Memory = "memory";

    /// <summary>What WASI reactors are prepared with, when the guest has it.</summary>
    public const string Initialize = "_initialize";

    private static readonly FrozenDictionary<(string, string), WorldFunction> Functions =
        new[]
        {
            InferenceImports.All,
            ToolImports.All,
            MemoryImports.All,
            PlainImports.All,
            WasiImports.All,
        }.SelectMany(f => f).ToFrozenDictionary(f => (f.Module, f.Name));

    /// <summary>Every function, in no order.</summary>
    public static IReadOnlyList<WorldFunction> All => Functions.Values;

    /// <summary>The names of the interfaces, for error messages.</summary>
    public static IReadOnlyList<string> Interfaces { get; } =
        [.. Functions.Keys.Select(k => k.Item1).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The function of that name; null when the world has none.</summary>
    public static WorldFunction? Find(string module, string name) => Functions.GetValueOrDefault((module, name));

    /// <summary>The full name of an interface of this world.</summary>
    public static string Interface(string name) => $"agentruntime:agent/{name}@0.1.0";
}
