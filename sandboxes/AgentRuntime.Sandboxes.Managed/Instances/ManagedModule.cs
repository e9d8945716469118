using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>The signature of a compiled export: arguments and results as values, then the remaining call depth.</summary>
internal delegate void EntryCode(
    ManagedInstance instance, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results, int depth);

/// <summary>An exported function as the host calls it. Immutable.</summary>
internal sealed record EntryPoint(FunctionType Type, EntryCode Code);

/// <summary>A compiled module. Thread-safe: its model and code do not change.</summary>
internal sealed class ManagedModule : IWasmModule
{
    private readonly Dictionary<string, EntryPoint> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ExportEntry> _exports = new(StringComparer.Ordinal);

    internal ManagedModule(ModuleModel model, CompiledCode code)
    {
        Model = model;
        Code = code;
        Imports = [.. model.Imports.Select(i => new WasmImport(i.Module, i.Name, i.Kind, i.Function))];
        Exports = [.. model.Exports.Select(e => new WasmExport(
            e.Name, e.Kind, e.Kind == ExternKind.Function ? model.Functions[e.Index] : null))];
        foreach (var export in model.Exports)
        {
            _exports.Add(export.Name, export);
            if (export.Kind == ExternKind.Function) _entries.Add(export.Name, code.Entry(export.Index));
        }
    }

    public IReadOnlyList<WasmImport> Imports { get; }

    public IReadOnlyList<WasmExport> Exports { get; }

    internal ModuleModel Model { get; }

    internal CompiledCode Code { get; }

    public IWasmInstance Instantiate(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        var imports = new object[Model.Imports.Count];
        var next = 0;
        for (var i = 0; i < imports.Length; i++)
        {
            var import = Model.Imports[i];
            if (import.Kind != ExternKind.Function)
                throw new WasmLinkException($"an import of a {import.Kind} cannot be linked: {import.Module}.{import.Name}");
            if (next >= functions.Count) throw new WasmLinkException($"unknown import: {import.Module}.{import.Name}");
            imports[i] = functions[next++];
        }

        if (next != functions.Count)
            throw new WasmLinkException($"the module imports {next} functions, not {functions.Count}");
        return Link(imports, new ValueBuffer(), limits);
    }

    /// <summary>Links to what other instances export as well; those share <paramref name="buffer"/>.</summary>
    internal ManagedInstance Link(ReadOnlySpan<object> imports, ValueBuffer buffer, InstanceLimits limits)
    {
        var instance = new ManagedInstance(this);
        instance.Link(imports, buffer, limits);
        return instance;
    }

    internal EntryPoint? Entry(string export) => _entries.GetValueOrDefault(export);

    /// <summary>What an instance of this module exports under a name, in the form that <see cref="Link"/> takes.</summary>
    internal object? ExportOf(ManagedInstance instance, string name)
    {
        if (!_exports.TryGetValue(name, out var export)) return null;
        return export.Kind switch
        {
            ExternKind.Function => instance.Reference(export.Index),
            ExternKind.Table => instance.Tables[export.Index],
            ExternKind.Memory => instance.Memory0,
            _ => instance.Globals[export.Index],
        };
    }
}
