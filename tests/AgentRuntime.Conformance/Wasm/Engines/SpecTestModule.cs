using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Conformance.Wasm.Engines;

/// <summary>The module <c>spectest</c> that the suite's scripts import from.</summary>
internal static class SpecTestModule
{
    public static Dictionary<string, object> Create()
    {
        var exports = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["global_i32"] = Global(WasmValueType.I32, 666),
            ["global_i64"] = Global(WasmValueType.I64, 666),
            ["global_f32"] = Global(WasmValueType.F32, BitConverter.SingleToInt32Bits(666.6f)),
            ["global_f64"] = Global(WasmValueType.F64, BitConverter.DoubleToInt64Bits(666.6)),
            ["table"] = new WasmTable(new TableType(WasmValueType.FuncRef, new SizeLimits(10, 20)), 20),
            ["memory"] = new LinearMemory(new SizeLimits(1, 2), 2 * LinearMemory.PageBytes),
        };
        Print("print");
        Print("print_i32", WasmValueType.I32);
        Print("print_i64", WasmValueType.I64);
        Print("print_f32", WasmValueType.F32);
        Print("print_f64", WasmValueType.F64);
        Print("print_i32_f32", WasmValueType.I32, WasmValueType.F32);
        Print("print_f64_f64", WasmValueType.F64, WasmValueType.F64);
        return exports;

        void Print(string name, params WasmValueType[] parameters) => exports.Add(
            name, new HostFunction(new FunctionType(parameters, []), false, static (_, _, _) => HostReturn.Completed));
    }

    private static WasmGlobal Global(WasmValueType type, long bits) => new(new GlobalType(type, false)) { Bits = bits };
}
