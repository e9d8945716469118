using System.Runtime.Intrinsics;
using System.Text;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Execution;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Scripts;

/// <summary>
/// For the corpus alone: a store whose instances link to one another, go on after a trap, and pass references. A host's
/// reference is a number from 1, and 0 is null. Single-threaded; disposing ends its instances.
/// </summary>
internal sealed unsafe class ScriptStore : IDisposable
{
    /// <summary>Epochs that nobody will increment.</summary>
    private const ulong Never = 1UL << 60;

    private readonly WasmtimeEngine _engine;
    private readonly CompileLimits _limits;
    private nint _store;

    public ScriptStore(WasmtimeEngine engine, CompileLimits compile, InstanceLimits limits)
    {
        _engine = engine;
        _limits = compile;
        _store = Api.StoreNew(engine.Unpooled.Handle, 0, 0);
        Context = Api.StoreContext(_store);
        Api.StoreLimiter(_store, limits.MaxMemoryBytes, limits.MaxTableElements, -1, -1, -1);
        Api.ContextSetEpochDeadline(Context, Never);
    }

    internal nint Context { get; }

    internal void Unroot(ExternalReference* reference)
    {
        if (NativeRelease.Loaded.UnrootTakesContext) ScriptApi.ReferenceUnroot(Context, reference);
        else ScriptApi.ReferenceUnroot(reference);
    }

    /// <summary>Links by what <paramref name="resolve"/> finds for each import.</summary>
    /// <exception cref="WasmTrapException">A segment or the start function trapped.</exception>
    /// <exception cref="WasmLinkException">An import is missing or of another type.</exception>
    public ScriptInstance Instantiate(byte[] wasm, Func<WasmImport, (ScriptInstance From, string Name)?> resolve)
    {
        var module = _engine.CompileUnpooled(wasm, _limits);
        var imports = WasmtimeModule.ReadImports(module);
        var externs = new NativeExtern[Math.Max(1, imports.Length)];
        for (var i = 0; i < imports.Length; i++)
        {
            externs[i] = resolve(imports[i]) is { } found ? found.From.Extern(found.Name)
                : throw new WasmLinkException($"unknown import: {imports[i].Module}.{imports[i].Name}");
        }

        NativeInstance instance;
        nint trap = 0, error;
        GuestThread.Enter((nuint)_engine.Options.MaxGuestStackBytes);
        fixed (NativeExtern* first = externs)
            error = Api.InstanceNew(Context, module, first, (nuint)imports.Length, &instance, &trap);
        if (trap != 0) throw TrapTranslation.TakeTrap(trap, NativeRelease.Loaded, TrapKind.Stopped, static _ => null);
        if (error != 0) throw new WasmLinkException(TrapTranslation.TakeError(error));
        return new ScriptInstance(this, instance, WasmtimeModule.ReadExports(module), _engine.Options);
    }

    public void Dispose()
    {
        if (_store != 0) Api.StoreDelete(_store);
        _store = 0;
    }
}

/// <summary>An instance in a <see cref="ScriptStore"/>.</summary>
internal sealed unsafe class ScriptInstance(
    ScriptStore store, NativeInstance instance, IReadOnlyList<WasmExport> exports, WasmtimeEngineOptions options)
{
    private NativeInstance _instance = instance;

    /// <summary>Calls an export.</summary>
    /// <exception cref="WasmTrapException">It trapped; the instance goes on.</exception>
    public WasmValue[] Invoke(string name, ReadOnlySpan<WasmValue> arguments)
    {
        var type = exports.First(e => e.Name == name).Function!;
        var function = Extern(name).Function;
        var raw = new NativeValue[Math.Max(1, ValuePacking.Slots(type))];
        nint trap = 0, error;
        GuestThread.Enter((nuint)options.MaxGuestStackBytes);
        fixed (NativeValue* values = raw)
        {
            for (var i = 0; i < arguments.Length; i++) values[i] = Raw(type.Parameters[i], arguments[i]);
            error = Api.FunctionCall(store.Context, &function, values, (nuint)ValuePacking.Slots(type), &trap);
        }

        if (trap != 0) throw TrapTranslation.TakeTrap(trap, NativeRelease.Loaded, TrapKind.Stopped, static _ => null);
        if (error != 0) throw new InvalidOperationException(TrapTranslation.TakeError(error));
        var results = new WasmValue[type.Results.Length];
        fixed (NativeValue* values = raw) ValuePacking.Unpack(type.Results, values, results);
        for (var i = 0; i < results.Length; i++)
        {
            if (type.Results[i] == WasmValueType.ExternRef && raw[i].I32 != 0) results[i] = Number(raw[i].I32);
        }

        return results;
    }

    /// <summary>Reads an exported global.</summary>
    public WasmValue Read(string name)
    {
        var item = Extern(name);
        TaggedValue value;
        ScriptApi.GlobalGet(store.Context, &item.Global, &value);
        return value.Kind switch
        {
            TaggedKind.I32 or TaggedKind.F32 => new WasmValue(Vector128.CreateScalar((ulong)(uint)value.Low)),
            TaggedKind.FuncRef => new WasmValue(Vector128.CreateScalar(value.Low == 0 ? 0UL : 1)),
            TaggedKind.ExternRef when value.Low == 0 => default,
            TaggedKind.ExternRef => Taken(&value.Reference),
            TaggedKind.V128 => new WasmValue(Vector128.Create(value.Low, value.High)),
            _ => new WasmValue(Vector128.CreateScalar(value.Low)),
        };
    }

    internal NativeExtern Extern(string name)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        NativeExtern item;
        byte found;
        fixed (NativeInstance* self = &_instance)
        fixed (byte* text = utf8)
            found = Api.InstanceExport(store.Context, self, text, (nuint)utf8.Length, &item);
        return found != 0 ? item : throw new WasmLinkException($"unknown import: {name}");
    }

    private NativeValue Raw(WasmValueType type, WasmValue value)
    {
        NativeValue raw = default;
        raw.Low = value.Bits.GetElement(0);
        raw.High = value.Bits.GetElement(1);
        if (type == WasmValueType.FuncRef && raw.Low != 0)
            throw new ArgumentException("a script passes no function", nameof(value));
        if (type != WasmValueType.ExternRef || raw.Low == 0) return raw;
        ExternalReference reference;
        if (ScriptApi.ReferenceNew(store.Context, (nint)raw.Low, 0, &reference) == 0)
            throw new InvalidOperationException("no more references can be made");
        raw = default;
        raw.I32 = ScriptApi.ReferenceToRaw(store.Context, &reference);
        store.Unroot(&reference);
        return raw;
    }

    private WasmValue Number(uint raw)
    {
        ExternalReference reference;
        ScriptApi.ReferenceFromRaw(store.Context, raw, &reference);
        return Taken(&reference);
    }

    private WasmValue Taken(ExternalReference* reference)
    {
        var number = ScriptApi.ReferenceData(store.Context, reference);
        store.Unroot(reference);
        return WasmValue.FromI64(number);
    }
}
