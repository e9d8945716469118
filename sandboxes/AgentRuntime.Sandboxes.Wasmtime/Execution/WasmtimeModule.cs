using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>An exported function. Immutable.</summary>
internal sealed record ExportedFunction(string Name, byte[] Utf8, FunctionType Type, int Ordinal)
{
    public int Slots { get; } = ValuePacking.Slots(Type);
}

/// <summary>A module's code in one engine, and about how many bytes it takes. Immutable.</summary>
internal sealed record NativeCode(NativeEngine Engine, CodeHandle Module, long Bytes);

/// <summary>The same, linked where names are enough to link it. Immutable.</summary>
internal sealed record CompiledModule(NativeCode Code, InstancePreHandle? InstancePre)
{
    public NativeEngine Engine => Code.Engine;

    public CodeHandle Module => Code.Module;
}

/// <summary>A module, and its code by whether there is fuel. Thread-safe.</summary>
internal sealed unsafe class WasmtimeModule : IWasmModule
{
    private readonly WasmtimeEngine _owner;
    private readonly byte[] _wasm;
    private readonly CompileLimits _limits;
    private readonly MadeOnce<CompiledModule> _metered;
    private readonly CompiledModule _plain;
    private readonly Dictionary<string, ExportedFunction> _byName = new(StringComparer.Ordinal);
    private readonly FunctionType[] _functionImports;

    public WasmtimeModule(WasmtimeEngine owner, byte[] wasm, ModuleScan scan, CompileLimits limits)
    {
        _owner = owner;
        _wasm = wasm;
        _limits = limits;
        Scan = scan;
        Digest = SHA256.HashData(wasm);
        GuestStackBytes = (nuint)owner.Options.MaxGuestStackBytes;
        var code = owner.CompileNative(wasm, scan, limits, metered: false);
        Imports = ReadImports(code.Module);
        Exports = ReadExports(code.Module);
        _functionImports = [.. Imports.Where(i => i.Kind == ExternKind.Function).Select(i => i.Function!)];
        foreach (var export in Exports.Where(e => e.Kind == ExternKind.Function))
        {
            var function = new ExportedFunction(
                export.Name, Encoding.UTF8.GetBytes(export.Name), export.Function!, _byName.Count);
            _byName.Add(export.Name, function);
        }

        Functions = [.. _byName.Values];
        var memory = Exports.FirstOrDefault(e => e.Kind == ExternKind.Memory);
        MemoryName = memory is null ? null : Encoding.UTF8.GetBytes(memory.Name);
        _plain = Linked(code);
        _metered = new MadeOnce<CompiledModule>(CompileMetered);
    }

    public IReadOnlyList<WasmImport> Imports { get; }

    public IReadOnlyList<WasmExport> Exports { get; }

    /// <summary>The bytes and the machine code that there is.</summary>
    public long SizeBytes => _wasm.Length + _plain.Code.Bytes + (_metered.IfMade?.Code.Bytes ?? 0);

    public ModuleScan Scan { get; }

    /// <summary>SHA-256 of the module's bytes.</summary>
    public byte[] Digest { get; }

    /// <summary>Exported functions by their ordinal.</summary>
    public IReadOnlyList<ExportedFunction> Functions { get; }

    /// <summary>The first exported memory; the C API shows no other.</summary>
    public byte[]? MemoryName { get; }

    public nuint GuestStackBytes { get; }

    public ExportedFunction? Function(string name) => _byName.GetValueOrDefault(name);

    public IWasmInstance Instantiate(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        New(functions, limits).Started();

    public IWasmInstance Restore(
        ReadOnlySpan<byte> snapshot, IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        New(functions, limits).Restored(snapshot);

    public void Prepare(IReadOnlyList<HostFunction> functions, InstanceLimits limits) => Code(limits);

    public bool IsPrepared(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        limits.Fuel is null || _metered.IfMade is not null;

    /// <summary>The code for such limits.</summary>
    internal CompiledModule Code(InstanceLimits limits) => limits.Fuel is null ? _plain : _metered.Value;

    private CompiledModule CompileMetered() =>
        Linked(_owner.CompileNative(_wasm, Scan, _limits, metered: true));

    private WasmtimeInstance New(IReadOnlyList<HostFunction> functions, InstanceLimits limits) =>
        new(this, Code(limits), Linkable(functions), limits, _owner.Options.MaxJournalBytes);

    private HostFunction[] Linkable(IReadOnlyList<HostFunction> functions)
    {
        if (Imports.FirstOrDefault(i => i.Kind != ExternKind.Function) is { } other)
        {
            throw new WasmLinkException(
                $"an import of a {other.Kind} cannot be linked: {other.Module}.{other.Name}");
        }

        if (functions.Count != Imports.Count)
        {
            throw new WasmLinkException(functions.Count < Imports.Count
                ? $"unknown import: {Imports[functions.Count].Module}.{Imports[functions.Count].Name}"
                : $"the module imports {Imports.Count} functions, not {functions.Count}");
        }

        for (var i = 0; i < functions.Count; i++)
        {
            if (!functions[i].Type.Equals(_functionImports[i]))
                throw new WasmLinkException($"incompatible import type: {Imports[i].Module}.{Imports[i].Name}");
        }

        return functions as HostFunction[] ?? [.. functions];
    }

    // One link for all instances: which host functions are meant is found in the store when they are called.
    private CompiledModule Linked(NativeCode code)
    {
        var unique = Imports.DistinctBy(i => (i.Module, i.Name)).Count() == Imports.Count;
        if (!unique || _functionImports.Length != Imports.Count) return new CompiledModule(code, null);
        var linker = Api.LinkerNew(code.Engine.Handle);
        try
        {
            for (var i = 0; i < Imports.Count; i++) Define(linker, Imports[i], i);
            nint linked;
            var error = Api.LinkerInstantiatePre(linker, code.Module, &linked);
            if (error != 0) throw new WasmLinkException(TrapTranslation.TakeError(error));
            return new CompiledModule(code, new InstancePreHandle(linked));
        }
        finally
        {
            Api.LinkerDelete(linker);
        }
    }

    private static void Define(nint linker, WasmImport import, int index)
    {
        var type = NativeTypesOf.Function(import.Function!);
        nint error;
        var moduleName = Encoding.UTF8.GetBytes(import.Module);
        var fieldName = Encoding.UTF8.GetBytes(import.Name);
        fixed (byte* module = moduleName, name = fieldName)
        {
            error = Api.LinkerDefine(
                linker, module, (nuint)moduleName.Length, name, (nuint)fieldName.Length, type,
                WasmtimeInstance.HostCallback, index, 0);
        }

        Api.FunctionTypeDelete(type);
        if (error != 0) throw new WasmLinkException(TrapTranslation.TakeError(error));
    }

    public static WasmImport[] ReadImports(CodeHandle module)
    {
        NativeVector types;
        Api.ModuleImports(module, &types);
        try
        {
            var imports = new WasmImport[(int)types.Size];
            for (var i = 0; i < imports.Length; i++)
            {
                var import = ((nint*)types.Data)[i];
                var type = Api.ImportTypeType(import);
                imports[i] = new WasmImport(
                    TrapTranslation.Text(Api.ImportTypeModule(import)),
                    TrapTranslation.Text(Api.ImportTypeName(import)),
                    NativeTypesOf.Kind(type),
                    NativeTypesOf.Function(type));
            }

            return imports;
        }
        finally
        {
            Api.ImportTypesDelete(&types);
        }
    }

    public static WasmExport[] ReadExports(CodeHandle module)
    {
        NativeVector types;
        Api.ModuleExports(module, &types);
        try
        {
            var exports = new WasmExport[(int)types.Size];
            for (var i = 0; i < exports.Length; i++)
            {
                var export = ((nint*)types.Data)[i];
                var type = Api.ExportTypeType(export);
                exports[i] = new WasmExport(
                    TrapTranslation.Text(Api.ExportTypeName(export)),
                    NativeTypesOf.Kind(type),
                    NativeTypesOf.Function(type));
            }

            return exports;
        }
        finally
        {
            Api.ExportTypesDelete(&types);
        }
    }
}
