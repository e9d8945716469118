using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Functions of few bytes whose frames are large: a stack that they overflow ends the process, so that each
/// runs in one of its own.</summary>
public sealed class FrameTests
{
    /// <summary>A recursion of a given depth that ends in a function that needs a large frame, and does nothing:
    /// at some depth that frame would reach beyond the stack, had nobody looked.</summary>
    private static byte[] Recursion(Action<ModuleBuilder, Code> large)
    {
        var m = new ModuleBuilder();
        m.Global(I64, true, new Code().I64(0).End());
        var body = new Code().Get(0).If();
        large(m, body);
        var type = m.Type([I32], []);
        var big = m.Function(type, body.End().End());
        var run = m.FunctionCount;
        m.Function(type, new Code().Get(0).If().Get(0).I32(1).Op(0x6B).Call(run).Else().I32(0).Call(big).End()
            .I64(1).With(Opcodes.GlobalSet, 0).End(), "run");
        return m.Build();
    }

    private static void CallsOfAThousandResults(ModuleBuilder m, Code body, int calls)
    {
        foreach (var type in (WasmValueType[])[WasmValueType.V128, I64, WasmValueType.F64, WasmValueType.FuncRef])
        {
            var many = m.Function(m.Type([], [.. Enumerable.Repeat(type, 1_000)]), new Code().Op(0x00).End());
            body.Block();
            for (var i = 0; i < calls; i++) body.Call(many);
            body.Br(0).End();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(12)]
    public async Task Calls_of_a_thousand_results_take_a_frame_that_is_looked_for_first(int calls) =>
        await Victim.DescendAsync(Recursion((m, body) => CallsOfAThousandResults(m, body, calls)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Branches_that_move_a_thousand_values_take_a_frame_that_is_looked_for_first(bool inLoop)
    {
        var wasm = Recursion((m, body) =>
        {
            var type = m.Type([], [.. Enumerable.Repeat(WasmValueType.V128, 1_000)]);
            var many = m.Function(type, new Code().Op(0x00).End());
            if (inLoop) body.Loop();
            body.With(0x02, (uint)type);
            // One more below, so that all of them have to move by one.
            body.I32(0).Call(many);
            for (var i = 0; i < 40; i++) body.I32(0).BrIf(0);
            body.Br(0).End();
            for (var i = 0; i < 1_000; i++) body.Op(0x1A);
            if (inLoop) body.End();
        });
        await Victim.DescendAsync(wasm);
    }

    [Theory]
    [InlineData(WasmValueType.V128)]
    [InlineData(WasmValueType.I64)]
    public async Task Operands_that_come_from_globals_take_a_frame_that_is_looked_for_first(WasmValueType type)
    {
        var wasm = Recursion((m, body) =>
        {
            var value = type == WasmValueType.V128
                ? new Code().Op(0xFD, 0x0C).Op(new byte[16]).End() : new Code().I64(7).End();
            var global = m.Global(type, true, value);
            for (var i = 0; i < 30_000; i++) body.With(Opcodes.GlobalGet, (uint)global);
            for (var i = 0; i < 30_000; i++) body.With(Opcodes.GlobalSet, (uint)global);
        });
        await Victim.DescendAsync(wasm);
    }
}
