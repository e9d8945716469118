using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// Between the platform's values and the library's raw ones, of which only the bytes of the type are meant. References
/// do not cross: null is 0 both ways, and anything else is told apart from null but stays where it is. Stateless.
/// </summary>
internal static unsafe class ValuePacking
{
    /// <summary>Places for the larger of parameters and results.</summary>
    public static int Slots(FunctionType type) => Math.Max(type.Parameters.Length, type.Results.Length);

    public static bool HasReferences(FunctionType type) =>
        type.Parameters.ContainsAny(WasmValueType.FuncRef, WasmValueType.ExternRef)
        || type.Results.ContainsAny(WasmValueType.FuncRef, WasmValueType.ExternRef);

    /// <exception cref="ArgumentException">A reference that is not null.</exception>
    public static void Pack(ReadOnlySpan<WasmValueType> types, ReadOnlySpan<WasmValue> values, NativeValue* raw)
    {
        for (var i = 0; i < types.Length; i++)
        {
            var bits = values[i].Bits;
            if (types[i] is WasmValueType.FuncRef or WasmValueType.ExternRef && bits != Vector128<ulong>.Zero)
                throw new ArgumentException("references do not cross between host and guest here", nameof(values));
            raw[i].Low = bits.GetElement(0);
            raw[i].High = bits.GetElement(1);
        }
    }

    public static void Unpack(ReadOnlySpan<WasmValueType> types, NativeValue* raw, Span<WasmValue> values)
    {
        for (var i = 0; i < types.Length; i++) values[i] = Unpack(types[i], raw[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static WasmValue Unpack(WasmValueType type, NativeValue raw) => type switch
    {
        WasmValueType.I32 or WasmValueType.F32 => new WasmValue(Vector128.CreateScalar((ulong)raw.I32)),
        WasmValueType.I64 or WasmValueType.F64 => new WasmValue(Vector128.CreateScalar(raw.Low)),
        WasmValueType.V128 => new WasmValue(Vector128.Create(raw.Low, raw.High)),
        WasmValueType.FuncRef => new WasmValue(Vector128.CreateScalar(raw.Low == 0 ? 0UL : 1)),
        _ => new WasmValue(Vector128.CreateScalar(raw.I32 == 0 ? 0UL : 1)),
    };
}
