using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>Vector instructions: each is one method of <see cref="VectorOps"/>.</content>
internal sealed partial class FunctionEmitter
{
    private static readonly string[] VectorLoads =
    [
        nameof(MemoryAccess.Load128), "Load8x8S", "Load8x8U", "Load16x4S", "Load16x4U", "Load32x2S", "Load32x2U",
        "Load8Splat", "Load16Splat", "Load32Splat", "Load64Splat",
    ];

    private void Vector(in Instruction i)
    {
        if (i.Op is >= Opcodes.FirstLane and <= Opcodes.LastLane) _il.Constant((int)i.B);
        Call(typeof(VectorOps), OpcodeTable.VectorName(i.Op));
    }

    private void VectorAccess(in Instruction i, MemoryAccessShape shape)
    {
        var lane = i.Op is >= Opcodes.FirstLoadLane and <= Opcodes.LastStoreLane;
        var operands = shape.Store || lane ? 2 : 1;
        Need(operands);
        if (lane) _il.Constant((int)i.B);
        Address(in i);
        switch (i.Op)
        {
            case <= 0xFD00: Call(typeof(MemoryAccess), nameof(MemoryAccess.Load128)); break;
            case < Opcodes.V128Store: Call(typeof(VectorMemory), VectorLoads[i.Op & 0xFF]); break;
            case Opcodes.V128Store: Call(typeof(MemoryAccess), nameof(MemoryAccess.Store128)); break;
            case Opcodes.Load32Zero: Call(typeof(VectorMemory), nameof(VectorMemory.Load32Zero)); break;
            case Opcodes.Load64Zero: Call(typeof(VectorMemory), nameof(VectorMemory.Load64Zero)); break;
            case >= Opcodes.FirstStoreLane: Call(typeof(VectorMemory), $"Store{8 << shape.Log2}Lane"); break;
            default: Call(typeof(VectorMemory), $"Load{8 << shape.Log2}Lane"); break;
        }

        var weight = Consume(operands);
        if (!shape.Store) Produce(WasmValueType.V128, weight + 2);
    }
}
