using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>Compares a module's imports and exports with the agent world. Stateless.</summary>
internal static class ModuleShape
{
    public static readonly FunctionType PostRunType = Signature.Of("i");
    public static readonly FunctionType InitializeType = Signature.Of("");

    // Names come from the module, and an error is shown and logged.
    private const int MaxShownChars = 100;

    private static readonly FunctionType RunType = Signature.Of("ii", "i");
    private static readonly FunctionType ReallocType = Signature.Of("iiii", "i");

    /// <summary>The host function for each import, in order.</summary>
    /// <exception cref="RuntimeErrorException">AR3003.</exception>
    public static IReadOnlyList<WorldFunction> Link(IReadOnlyList<WasmImport> imports) => [.. imports.Select(Find)];

    /// <summary>Functions of the types of those, which serve to compile for: no guest has them.</summary>
    public static HostFunction[] Unbound(IReadOnlyList<WorldFunction> functions) => [.. functions.Select(Unbound)];

    /// <summary>Checks that all that the world demands is there.</summary>
    /// <exception cref="RuntimeErrorException">AR3004.</exception>
    public static void CheckExports(IReadOnlyList<WasmExport> exports)
    {
        if (!exports.Any(e => e is { Name: AgentWorld.Memory, Kind: ExternKind.Memory }))
        {
            throw Missing("a memory named 'memory'");
        }
        if (!Has(exports, AgentWorld.Run, RunType)) throw Missing($"a function 'run' of type {RunType}");
        if (!Has(exports, AgentWorld.Realloc, ReallocType))
        {
            throw Missing($"a function 'cabi_realloc' of type {ReallocType}");
        }
    }

    /// <summary>Whether the module exports a function of that name and type.</summary>
    public static bool Has(IReadOnlyList<WasmExport> exports, string name, FunctionType type) =>
        exports.Any(e => e.Name == name && e.Kind == ExternKind.Function && type.Equals(e.Function));

    private static HostFunction Unbound(WorldFunction function) => new(
        function.Type,
        function.MayBlock,
        static (_, _, _) => throw new InvalidOperationException("this function serves compilation only"));

    private static WorldFunction Find(WasmImport import)
    {
        var name = $"{Shown(import.Module)} {Shown(import.Name)}";
        if (import.Kind != ExternKind.Function || import.Function is null)
        {
            throw Unknown($"The module imports the {import.Kind.ToString().ToLowerInvariant()} '{name}'; "
                + "only functions can be imported.");
        }
        var function = AgentWorld.Find(import.Module, import.Name)
            ?? throw Unknown($"The module imports '{name}', which the host does not offer.");
        return function.Type.Equals(import.Function)
            ? function
            : throw Unknown($"The module imports '{name}' as {import.Function}, but it is {function.Type}.");
    }

    private static string Shown(string name) =>
        name.Length <= MaxShownChars ? name : $"{name.AsSpan(0, MaxShownChars)}…";

    private static RuntimeErrorException Unknown(string message) => new(new RuntimeError(
        ReasonCodes.UnknownImport,
        message,
        Action: $"Import only what sandboxes/wit/agent.wit declares: {string.Join(", ", AgentWorld.Interfaces)}."));

    private static RuntimeErrorException Missing(string what) => new(new RuntimeError(
        ReasonCodes.MissingExport,
        $"The module does not export {what}.",
        Action: "Build it with one of the guest kits in sandboxes/guests/."));
}
