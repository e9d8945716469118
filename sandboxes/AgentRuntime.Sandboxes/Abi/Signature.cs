using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Abi;

/// <summary>
/// Reads core function types from a short text: <c>i</c> i32, <c>I</c> i64, <c>f</c> f32, <c>F</c> f64. Stateless.
/// </summary>
internal static class Signature
{
    /// <summary>A type such as <c>Of("iiI", "i")</c>.</summary>
    public static FunctionType Of(string parameters, string results = "") =>
        new(Array.ConvertAll(parameters.ToCharArray(), ValueType), Array.ConvertAll(results.ToCharArray(), ValueType));

    private static WasmValueType ValueType(char code) => code switch
    {
        'i' => WasmValueType.I32,
        'I' => WasmValueType.I64,
        'f' => WasmValueType.F32,
        'F' => WasmValueType.F64,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "no such value type"),
    };
}
