using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>Between the platform's types and the library's. Stateless.</summary>
internal static unsafe class NativeTypesOf
{
    /// <summary>An owned <c>wasm_functype_t</c>.</summary>
    public static nint Function(FunctionType type)
    {
        NativeVector parameters, results;
        Vector(type.Parameters, &parameters);
        Vector(type.Results, &results);
        return Api.FunctionTypeNew(&parameters, &results);
    }

    /// <summary>The function type of a <c>wasm_externtype_t</c>; null when it is not a function's.</summary>
    public static FunctionType? Function(nint externType)
    {
        var type = Api.ExternTypeAsFunction(externType);
        return type == 0 ? null : new FunctionType(
            Values(Api.FunctionTypeParameters(type)), Values(Api.FunctionTypeResults(type)));
    }

    public static ExternKind Kind(nint externType) => Api.ExternTypeKindOf(externType) switch
    {
        ExternTypeKind.Function => ExternKind.Function,
        ExternTypeKind.Global => ExternKind.Global,
        ExternTypeKind.Table => ExternKind.Table,
        ExternTypeKind.Memory => ExternKind.Memory,
        var other => throw new WasmModuleException(ModuleFault.Invalid, $"an import or export of kind {other}", -1),
    };

    private static void Vector(ReadOnlySpan<WasmValueType> types, NativeVector* vector)
    {
        var elements = stackalloc nint[types.Length];
        for (var i = 0; i < types.Length; i++) elements[i] = New(types[i]);
        Api.ValueTypesNew(vector, (nuint)types.Length, elements);
    }

    private static WasmValueType[] Values(NativeVector* vector)
    {
        var types = new WasmValueType[(int)vector->Size];
        for (var i = 0; i < types.Length; i++) types[i] = TypeOf(((nint*)vector->Data)[i]);
        return types;
    }

    private static nint New(WasmValueType type) => type == WasmValueType.V128 && NativeRelease.Loaded.VectorsApart
        ? VectorTypes.New()
        : Api.ValueTypeNew(KindOf(type));

    // The kind must not be asked for where that aborts the process.
    private static WasmValueType TypeOf(nint type) => NativeRelease.Loaded.VectorsApart && VectorTypes.Is(type)
        ? WasmValueType.V128
        : TypeOf(Api.ValueTypeKind(type));

    private static ValueKind KindOf(WasmValueType type) => type switch
    {
        WasmValueType.I32 => ValueKind.I32,
        WasmValueType.I64 => ValueKind.I64,
        WasmValueType.F32 => ValueKind.F32,
        WasmValueType.F64 => ValueKind.F64,
        WasmValueType.V128 => ValueKind.V128,
        WasmValueType.FuncRef => ValueKind.FuncRef,
        WasmValueType.ExternRef => ValueKind.ExternRef,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static WasmValueType TypeOf(ValueKind kind) => kind switch
    {
        ValueKind.I32 => WasmValueType.I32,
        ValueKind.I64 => WasmValueType.I64,
        ValueKind.F32 => WasmValueType.F32,
        ValueKind.F64 => WasmValueType.F64,
        ValueKind.V128 => WasmValueType.V128,
        ValueKind.FuncRef => WasmValueType.FuncRef,
        ValueKind.ExternRef => WasmValueType.ExternRef,
        _ => throw new WasmModuleException(ModuleFault.Invalid, $"a value of kind {kind}", -1),
    };
}
