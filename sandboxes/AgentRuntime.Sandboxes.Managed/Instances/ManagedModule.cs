using System.Collections.Concurrent;
using System.Security.Cryptography;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Validation;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>The signature of a compiled export: arguments and results as values.</summary>
internal delegate void EntryCode(
    ManagedInstance instance, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results);

/// <summary>An exported function as the host calls it. Immutable.</summary>
internal sealed record EntryPoint(FunctionType Type, EntryCode Code);

/// <summary>A validated module and the code made of it so far, by variant. Thread-safe.</summary>
internal sealed class ManagedModule : IWasmModule
{
    /// <summary>IL itself, and the machine code that becomes of it.</summary>
    private const int MemoryPerIl = 4;

    private readonly ConcurrentDictionary<CodeVariant, MadeOnce<CompiledCode>> _variants = new();
    private readonly Dictionary<string, ExportEntry> _exports = new(StringComparer.Ordinal);
    private readonly FunctionFacts[] _facts;
    private readonly CompileLimits _limits;
    private readonly bool _onlyFunctions;
    private readonly long _modelBytes;

    /// <summary>The variant used last: nearly every module has but one.</summary>
    private volatile Tuple<CodeVariant, CompiledCode>? _last;

    internal ManagedModule(ModuleModel model, FunctionFacts[] facts, CompileLimits limits)
    {
        Model = model;
        _facts = facts;
        _limits = limits;
        _onlyFunctions = model.Imports.TrueForAll(i => i.Kind == ExternKind.Function);
        Imports = [.. model.Imports.Select(i => new WasmImport(i.Module, i.Name, i.Kind, i.Function))];
        Exports = [.. model.Exports.Select(e => new WasmExport(
            e.Name, e.Kind, e.Kind == ExternKind.Function ? model.Functions[e.Index] : null))];
        foreach (var export in model.Exports) _exports.Add(export.Name, export);
        Digest = SHA256.HashData(model.Bytes);
        _modelBytes = model.DecodedBytes() + FactBytes();
    }

    public IReadOnlyList<WasmImport> Imports { get; }

    public IReadOnlyList<WasmExport> Exports { get; }

    public long SizeBytes =>
        _modelBytes + _variants.Values.Sum(v => v.IfMade is { } code ? code.IlBytes * MemoryPerIl : 0);

    internal ModuleModel Model { get; }

    /// <summary>SHA-256 of the module's bytes.</summary>
    internal byte[] Digest { get; }

    public IWasmInstance Instantiate(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        var instance = new ManagedInstance(this, CodeFor(functions, limits)) { OwnsMemory = true };
        instance.Link(Imported(functions), new ValueBuffer(), limits);
        return instance;
    }

    public void Prepare(IReadOnlyList<HostFunction> functions, InstanceLimits limits) => CodeFor(functions, limits);

    public bool IsPrepared(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        LastFor(functions, limits) is not null
        || (_variants.TryGetValue(VariantFor(functions, limits), out var code) && code.IfMade is not null);

    public IWasmInstance Restore(ReadOnlySpan<byte> snapshot, IReadOnlyList<HostFunction> functions,
        InstanceLimits limits)
    {
        var instance = new ManagedInstance(this, CodeFor(functions, limits)) { OwnsMemory = true };
        instance.Bind(Imported(functions), new ValueBuffer(), limits);
        SnapshotReader.Read(snapshot, instance, Digest);
        return instance;
    }

    /// <summary>Links to what other instances export as well; those share <paramref name="buffer"/>.</summary>
    internal ManagedInstance Link(
        ReadOnlySpan<object> imports, ValueBuffer buffer, InstanceLimits limits, CodeVariant? variant = null)
    {
        var instance = new ManagedInstance(this, Code(variant ?? new CodeVariant([], limits.Fuel is not null)));
        instance.Link(imports, buffer, limits);
        return instance;
    }

    /// <summary>The index of an exported function; -1 when there is none of that name.</summary>
    internal int FunctionExport(string name) =>
        _exports.TryGetValue(name, out var export) && export.Kind == ExternKind.Function ? export.Index : -1;

    /// <summary>What an instance of this module exports under a name, in the form that <see cref="Link"/>
    /// takes.</summary>
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

    internal CompiledCode Code(CodeVariant variant)
    {
        if (_last is { } last && last.Item1.Equals(variant)) return last.Item2;
        var code = _variants.GetOrAdd(variant, v => new MadeOnce<CompiledCode>(() => Emit(v))).Value;
        _last = Tuple.Create(variant, code);
        return code;
    }

    private CompiledCode Emit(CodeVariant variant) =>
        ModuleEmitter.Emit(Model, _facts, variant, ManagedWasmEngine.Deadline(_limits, CancellationToken.None),
            _limits.MaxTime / 20, _limits.MaxTime);

    private long FactBytes()
    {
        const int Entry = 24;
        return _facts.Sum(f => (f.Callees.Count + f.IndirectTypes.Count) * (long)Entry);
    }

    private CompiledCode CodeFor(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        LastFor(functions, limits) ?? Code(VariantFor(functions, limits));

    private CompiledCode? LastFor(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        _last is { } last && last.Item1.Metered == limits.Fuel is not null && SameBlocking(last.Item1, functions)
            ? last.Item2
            : null;

    private CodeVariant VariantFor(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        var blocking = new List<int>();
        for (var i = 0; i < functions.Count && i < Model.ImportedFunctions; i++)
            if (functions[i].MayBlock) blocking.Add(i);
        return new CodeVariant(blocking, limits.Fuel is not null);
    }

    private static bool SameBlocking(CodeVariant variant, IReadOnlyList<HostFunction> functions)
    {
        for (var i = 0; i < functions.Count; i++)
            if (functions[i].MayBlock != variant.BlockingImports.Contains(i)) return false;
        return true;
    }

    private object[] Imported(IReadOnlyList<HostFunction> functions)
    {
        if (!_onlyFunctions)
        {
            var import = Model.Imports.Find(i => i.Kind != ExternKind.Function)!;
            throw new WasmLinkException(
                $"an import of a {import.Kind} cannot be linked: {import.Module}.{import.Name}");
        }

        if (functions.Count < Model.ImportedFunctions)
        {
            var import = Model.Imports[functions.Count];
            throw new WasmLinkException($"unknown import: {import.Module}.{import.Name}");
        }

        if (functions.Count > Model.ImportedFunctions)
            throw new WasmLinkException(
                $"the module imports {Model.ImportedFunctions} functions, not {functions.Count}");
        if (functions is HostFunction[] array) return array;
        var imports = new object[functions.Count];
        for (var i = 0; i < imports.Length; i++) imports[i] = functions[i];
        return imports;
    }
}
