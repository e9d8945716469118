using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>Numeric instructions: IL's own where they mean the same, otherwise an accessor.</content>
internal sealed partial class FunctionEmitter
{
    private static readonly string[] Unary32 =
    [
        nameof(Runtime.Numeric.Clz32), nameof(Runtime.Numeric.Ctz32), nameof(Runtime.Numeric.Popcnt32),
    ];

    private static readonly string[] FloatNames = ["Abs", "Neg", "Ceil", "Floor", "Trunc", "Nearest"];

    private static readonly string[] Truncations =
    [
        "I32TruncF32S", "I32TruncF32U", "I32TruncF64S", "I32TruncF64U", "", "",
        "I64TruncF32S", "I64TruncF32U", "I64TruncF64S", "I64TruncF64U",
    ];

    private static readonly string[] Saturations =
    [
        "I32TruncSatF32S", "I32TruncSatF32U", "I32TruncSatF64S", "I32TruncSatF64U",
        "I64TruncSatF32S", "I64TruncSatF32U", "I64TruncSatF64S", "I64TruncSatF64U",
    ];

    private void Numeric(in Instruction i)
    {
        switch (i.Op)
        {
            case <= 0x66: Compare(i.Op); break;
            case <= 0x78: Integer(i.Op - 0x67, "32", 31); break;
            case <= 0x8A: Integer(i.Op - 0x79, "64", 63); break;
            case <= 0x98: Float(i.Op - 0x8B, "32"); break;
            case <= 0xA6: Float(i.Op - 0x99, "64"); break;
            case < Opcodes.MiscPrefix: Convert(i.Op); break;
            case < Opcodes.VectorPrefix: Call(typeof(Conversions), Saturations[i.Op & 0xFF]); break;
            default: Vector(in i); break;
        }
    }

    private void Compare(ushort op)
    {
        switch (op)
        {
            case 0x45:
                _il.Emit(OpCodes.Ldc_I4_0);
                _il.Emit(OpCodes.Ceq);
                return;
            case 0x50:
                _il.Emit(OpCodes.Ldc_I4_0);
                _il.Emit(OpCodes.Conv_I8);
                _il.Emit(OpCodes.Ceq);
                return;
            case >= 0x5B:
                var kind = (op - 0x5B) % 6;
                // "Less or equal" is "not greater or unordered": IL has no other.
                _il.Emit(kind switch
                {
                    0 or 1 => OpCodes.Ceq,
                    2 => OpCodes.Clt,
                    3 => OpCodes.Cgt,
                    4 => OpCodes.Cgt_Un,
                    _ => OpCodes.Clt_Un,
                });
                if (kind is 1 or 4 or 5) Not();
                return;
        }

        var integer = op >= 0x51 ? op - 0x51 : op - 0x46;
        _il.Emit(integer switch
        {
            0 or 1 => OpCodes.Ceq,
            2 or 8 => OpCodes.Clt,
            3 or 9 => OpCodes.Clt_Un,
            4 or 6 => OpCodes.Cgt,
            _ => OpCodes.Cgt_Un,
        });
        if (integer is 1 or >= 6) Not();
    }

    private void Not()
    {
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Ceq);
    }

    private void Integer(int kind, string width, int shiftMask)
    {
        switch (kind)
        {
            case 0 or 1 or 2:
                Call(typeof(Numeric), Unary32[kind].Replace("32", width, StringComparison.Ordinal));
                break;
            case 3: _il.Emit(OpCodes.Add); break;
            case 4: _il.Emit(OpCodes.Sub); break;
            case 5: _il.Emit(OpCodes.Mul); break;
            case 6: Trapping("DivS" + width); break;
            case 7: Trapping("DivU" + width); break;
            case 8: Trapping("RemS" + width); break;
            case 9: Trapping("RemU" + width); break;
            case 10: _il.Emit(OpCodes.And); break;
            case 11: _il.Emit(OpCodes.Or); break;
            case 12: _il.Emit(OpCodes.Xor); break;
            case 16: Call(typeof(Numeric), "Rotl" + width); break;
            case 17: Call(typeof(Numeric), "Rotr" + width); break;
            default:
                if (shiftMask == 63) _il.Emit(OpCodes.Conv_I4);
                _il.Constant(shiftMask);
                _il.Emit(OpCodes.And);
                _il.Emit(kind switch { 13 => OpCodes.Shl, 14 => OpCodes.Shr, _ => OpCodes.Shr_Un });
                break;
        }
    }

    private void Trapping(string name)
    {
        At();
        Call(typeof(Numeric), name);
    }

    private void Float(int kind, string width)
    {
        if (kind is >= 7 and <= 10 && (_stack[^1].Identity || _stack[^2].Identity))
        {
            // The JIT would fold x * 1 to x, which lets a signalling NaN through.
            ReadOnlySpan<string> names = ["Add", "Sub", "Mul", "Div"];
            Call(typeof(Numeric), names[kind - 7] + width);
            return;
        }

        switch (kind)
        {
            case < 6: Call(typeof(Numeric), FloatNames[kind] + width); break;
            case 6:
                if (width == "32") Call(typeof(MathF), nameof(MathF.Sqrt));
                else Call(typeof(Math), nameof(Math.Sqrt));
                break;
            case 7: _il.Emit(OpCodes.Add); break;
            case 8: _il.Emit(OpCodes.Sub); break;
            case 9: _il.Emit(OpCodes.Mul); break;
            case 10: _il.Emit(OpCodes.Div); break;
            case 11: Call(typeof(Numeric), "Min" + width); break;
            case 12: Call(typeof(Numeric), "Max" + width); break;
            default: Call(typeof(Numeric), "CopySign" + width); break;
        }
    }

    private void Convert(ushort op)
    {
        switch (op)
        {
            case 0xA7: _il.Emit(OpCodes.Conv_I4); break;
            case (>= 0xA8 and <= 0xAB) or (>= 0xAE and <= 0xB1):
                At();
                Call(typeof(Conversions), Truncations[op - 0xA8]);
                break;
            case 0xAC: _il.Emit(OpCodes.Conv_I8); break;
            case 0xAD: _il.Emit(OpCodes.Conv_U8); break;
            case 0xB6: Call(typeof(Conversions), nameof(Conversions.Demote)); break;
            case 0xB2: _il.Emit(OpCodes.Conv_R4); break;
            case 0xB3: Call(typeof(Conversions), nameof(Conversions.F32ConvertI32U)); break;
            case 0xB4: Call(typeof(Conversions), nameof(Conversions.F32ConvertI64S)); break;
            case 0xB5: Call(typeof(Conversions), nameof(Conversions.F32ConvertI64U)); break;
            case 0xB7 or 0xB9 or 0xBB: _il.Emit(OpCodes.Conv_R8); break;
            case 0xB8: Call(typeof(Conversions), nameof(Conversions.F64ConvertI32U)); break;
            case 0xBA: Call(typeof(Conversions), nameof(Conversions.F64ConvertI64U)); break;
            case 0xBC: Call(typeof(BitConverter), nameof(BitConverter.SingleToInt32Bits)); break;
            case 0xBD: Call(typeof(BitConverter), nameof(BitConverter.DoubleToInt64Bits)); break;
            case 0xBE: Call(typeof(BitConverter), nameof(BitConverter.Int32BitsToSingle)); break;
            case 0xBF: Call(typeof(BitConverter), nameof(BitConverter.Int64BitsToDouble)); break;
            case 0xC0: _il.Emit(OpCodes.Conv_I1); break;
            case 0xC1: _il.Emit(OpCodes.Conv_I2); break;
            default:
                _il.Emit(op switch { 0xC2 => OpCodes.Conv_I1, 0xC3 => OpCodes.Conv_I2, _ => OpCodes.Conv_I4 });
                _il.Emit(OpCodes.Conv_I8);
                break;
        }
    }
}
