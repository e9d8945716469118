using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>
/// Keeps what a rotation left away from comparisons with zero (<see cref="Runtime.Numeric.Rotl32"/> says why). In a
/// function that rotates, any integer from a variable may be one, and what the JIT may fold away hands the mark on.
/// Whatever else takes a marked operand gets it with a zero added.
/// </content>
internal sealed partial class FunctionEmitter
{
    private static bool Rotates(ushort op) => op is 0x77 or 0x78 or 0x89 or 0x8A;

    /// <summary>Addition, subtraction, bitwise operations, shifts, rotations, wrapping and extension.</summary>
    private static bool KeepsRotations(ushort op) =>
        op is 0x6A or 0x6B or (>= 0x71 and <= 0x78) or 0x7C or 0x7D or (>= 0x83 and <= 0x8A) or 0xA7 or 0xAC or 0xAD;

    private static bool Compares(ushort op) => op is >= 0x45 and <= 0x5A;

    private void MarkVariable()
    {
        if (_facts.Rotates && _stack[^1].Type is WasmValueType.I32 or WasmValueType.I64)
            _stack[^1] = _stack[^1] with { Rotated = true };
    }

    /// <summary>Comparisons with these come out as comparisons with zero.</summary>
    private void MarkLiteral(long value)
    {
        if (value is < -1 or > 1) _stack[^1] = _stack[^1] with { Far = true };
    }

    private bool AnyRotated(int operands)
    {
        if (!_facts.Rotates) return false;
        for (var i = 1; i <= operands; i++)
            if (_stack[^i].Rotated) return true;
        return false;
    }

    /// <summary>Adds the zero to an operand that is on top of IL's stack at this moment.</summary>
    private void Settle(int operand)
    {
        if (!_stack[operand].Rotated) return;
        AddZero(_stack[operand].Type);
        _stack[operand] = _stack[operand] with { Rotated = false };
    }

    private void SettleTop() => Settle(_stack.Count - 1);

    /// <summary>When one side is no constant that the JIT knows, the other may be anything.</summary>
    private void SettleComparison(int operands)
    {
        if (!AnyRotated(operands) || (operands == 2 && _stack[^1].Far)) return;
        AddZero(_stack[^1].Type);
    }

    private void AddZero(WasmValueType type)
    {
        _il.Emit(OpCodes.Ldloc, _zero!);
        if (type == WasmValueType.I64) _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Add);
    }
}
