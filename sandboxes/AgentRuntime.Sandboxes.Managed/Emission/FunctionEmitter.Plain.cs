using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>Instructions that do not branch: constants, variables, memory, tables.</content>
internal sealed partial class FunctionEmitter
{
    private void Plain(in Instruction i)
    {
        if (OpcodeTable.IsMemoryAccess(i.Op))
        {
            Access(in i);
            return;
        }

        if (OpcodeTable.IsNumeric(i.Op))
        {
            ref readonly var signature = ref OpcodeTable.SignatureOf(i.Op);
            var operands = signature.Parameters.Length;
            var rotated = Rotates(i.Op);
            if (KeepsRotations(i.Op))
            {
                Need(operands, keepRotations: true);
                rotated |= AnyRotated(operands);
            }
            else if (Compares(i.Op))
            {
                Need(operands, keepRotations: true);
                SettleComparison(operands);
            }
            else
            {
                Need(operands);
            }

            Numeric(in i);
            var weight = Consume(operands);
            Produce(signature.Result, weight, rotated);
            return;
        }

        switch (i.Op)
        {
            case Opcodes.Drop:
                if (_onStack > 0) _il.Emit(OpCodes.Pop);
                _onStack = Math.Max(0, _onStack - 1);
                _stack.RemoveAt(_stack.Count - 1);
                break;
            case Opcodes.Select or Opcodes.SelectTyped:
                Need(3);
                var type = _stack[^2].Type;
                _il.Emit(OpCodes.Call, typeof(Numeric).GetMethod(
                    nameof(Runtime.Numeric.Select), [ClrTypes.Of(type), ClrTypes.Of(type), typeof(int)])!);
                Produce(type, Consume(3));
                break;
            case >= Opcodes.LocalGet and <= Opcodes.LocalTee: Local(i.Op, (int)i.A); break;
            case Opcodes.GlobalGet:
                Instance();
                _il.Constant((int)i.A);
                var get = _model.Globals[(int)i.A].Value;
                Call(typeof(GlobalAccess), "Get" + ClrTypes.Suffix(get));
                Produce(get);
                break;
            case Opcodes.GlobalSet:
                Need(1);
                Instance();
                _il.Constant((int)i.A);
                Call(typeof(GlobalAccess), "Set" + ClrTypes.Suffix(_model.Globals[(int)i.A].Value));
                Consume(1);
                break;
            case Opcodes.I32Const or Opcodes.I64Const or Opcodes.F32Const or Opcodes.F64Const or Opcodes.V128Const:
                Constant(in i);
                break;
            case Opcodes.RefNull:
                _il.Emit(OpCodes.Ldnull);
                Produce((WasmValueType)i.A);
                break;
            case Opcodes.RefIsNull:
                Simple(1, typeof(TableAccess), nameof(TableAccess.IsNull), WasmValueType.I32);
                break;
            case Opcodes.RefFunc:
                Instance();
                _il.Constant((int)i.A);
                Call(typeof(TableAccess), nameof(TableAccess.Function));
                Produce(WasmValueType.FuncRef);
                break;
            case Opcodes.Shuffle:
                Need(2);
                _il.Emit(OpCodes.Ldc_I8, i.Value);
                _il.Emit(OpCodes.Ldc_I8, (long)i.High);
                Call(typeof(VectorOps), nameof(VectorOps.Shuffle));
                Produce(WasmValueType.V128, Consume(2));
                break;
            default: Bulk(in i); break;
        }
    }

    private void Simple(int operands, Type holder, string name, WasmValueType result)
    {
        Need(operands);
        Call(holder, name);
        Produce(result, Consume(operands));
    }

    private void Local(ushort op, int index)
    {
        if (op == Opcodes.LocalGet)
        {
            if (index < _parameters) _il.LoadArgument(index);
            else _il.Emit(OpCodes.Ldloc, _locals[index]!);
            Produce(_localTypes[index]);
            MarkVariable();
            return;
        }

        Need(1, keepRotations: true);
        if (index < _parameters) _il.StoreArgument(index);
        else _il.Emit(OpCodes.Stloc, _locals[index]!);
        if (op == Opcodes.LocalSet)
        {
            Consume(1);
            return;
        }

        // Read again rather than duplicated: the JIT gives what is duplicated a local of its own, and a register.
        if (index < _parameters) _il.LoadArgument(index);
        else _il.Emit(OpCodes.Ldloc, _locals[index]!);
        _stack[^1] = _stack[^1] with { Weight = 1 };
        MarkVariable();
    }

    private void Constant(in Instruction i)
    {
        switch (i.Op)
        {
            case Opcodes.I32Const:
                _il.Constant((int)i.Value);
                Produce(WasmValueType.I32);
                MarkLiteral((int)i.Value);
                break;
            case Opcodes.I64Const:
                _il.Constant(i.Value);
                Produce(WasmValueType.I64);
                MarkLiteral(i.Value);
                break;
            case Opcodes.F32Const:
                var single = BitConverter.Int32BitsToSingle((int)i.Value);
                if (float.IsNaN(single))
                {
                    _il.Constant((int)i.Value);
                    Call(typeof(Numeric), nameof(Runtime.Numeric.NotANumber32));
                }
                else
                {
                    _il.Emit(OpCodes.Ldc_R4, single);
                }

                Produce(WasmValueType.F32);
                NoteIdentity(single);
                break;
            case Opcodes.F64Const:
                var value = BitConverter.Int64BitsToDouble(i.Value);
                _il.Emit(OpCodes.Ldc_R8, value);
                Produce(WasmValueType.F64);
                NoteIdentity(value);
                break;
            default:
                _il.Emit(OpCodes.Ldc_I8, i.Value);
                _il.Emit(OpCodes.Ldc_I8, (long)i.High);
                Call(typeof(VectorOps), nameof(VectorOps.Constant));
                Produce(WasmValueType.V128);
                break;
        }
    }

    private void NoteIdentity(double value) =>
        _stack[^1] = _stack[^1] with { Identity = Math.Abs(value) is 0 or 1 };

    private void Access(in Instruction i)
    {
        var shape = OpcodeTable.ShapeOf(i.Op);
        if (i.Op >= Opcodes.VectorPrefix)
        {
            VectorAccess(in i, shape);
            return;
        }

        Need(shape.Store ? 2 : 1, keepRotations: true);
        if (shape.Store && shape.Type == WasmValueType.I64 && shape.Log2 < 3) _il.Emit(OpCodes.Conv_I4);
        Address(in i);
        var name = i.Op switch
        {
            0x28 or 0x34 or 0x35 => nameof(MemoryAccess.Load32),
            0x29 => nameof(MemoryAccess.Load64),
            0x2A => nameof(MemoryAccess.LoadF32),
            0x2B => nameof(MemoryAccess.LoadF64),
            0x2C or 0x30 => nameof(MemoryAccess.Load8S),
            0x2D or 0x31 => nameof(MemoryAccess.Load8U),
            0x2E or 0x32 => nameof(MemoryAccess.Load16S),
            0x2F or 0x33 => nameof(MemoryAccess.Load16U),
            0x36 or 0x3E => nameof(MemoryAccess.Store32),
            0x37 => nameof(MemoryAccess.Store64),
            0x38 => nameof(MemoryAccess.StoreF32),
            0x39 => nameof(MemoryAccess.StoreF64),
            0x3A or 0x3C => nameof(MemoryAccess.Store8),
            _ => nameof(MemoryAccess.Store16),
        };
        Call(typeof(MemoryAccess), name);
        if (!shape.Store && shape.Type == WasmValueType.I64 && shape.Log2 < 3)
            _il.Emit((i.Op & 1) == 0 ? OpCodes.Conv_I8 : OpCodes.Conv_U8);
        var weight = Consume(shape.Store ? 2 : 1);
        if (!shape.Store) Produce(shape.Type, weight + 2);
    }

    /// <summary>What every memory accessor takes after its operands.</summary>
    private void Address(in Instruction i)
    {
        _il.Emit(OpCodes.Ldloc, _memory!);
        _il.Constant((int)(uint)i.Value);
        At();
    }

    private void Bulk(in Instruction i)
    {
        var (operands, holder, name, result, index) = i.Op switch
        {
            Opcodes.MemorySize => (0, typeof(MemoryAccess), nameof(MemoryAccess.Size), WasmValueType.I32, 0),
            Opcodes.MemoryGrow => (1, typeof(MemoryAccess), nameof(MemoryAccess.Grow), WasmValueType.I32, 0),
            Opcodes.MemoryFill => (3, typeof(MemoryAccess), nameof(MemoryAccess.Fill), (WasmValueType)0, 0),
            Opcodes.MemoryCopy => (3, typeof(MemoryAccess), nameof(MemoryAccess.Copy), (WasmValueType)0, 0),
            Opcodes.MemoryInit => (3, typeof(MemoryAccess), nameof(MemoryAccess.Init), (WasmValueType)0, 1),
            Opcodes.DataDrop => (0, typeof(MemoryAccess), nameof(MemoryAccess.DropData), (WasmValueType)0, 1),
            Opcodes.TableGet => (1, typeof(TableAccess), nameof(TableAccess.Get), TableElement(i.A), 1),
            Opcodes.TableSet => (2, typeof(TableAccess), nameof(TableAccess.Set), (WasmValueType)0, 1),
            Opcodes.TableSize => (0, typeof(TableAccess), nameof(TableAccess.Size), WasmValueType.I32, 1),
            Opcodes.TableGrow => (2, typeof(TableAccess), nameof(TableAccess.Grow), WasmValueType.I32, 1),
            Opcodes.TableFill => (3, typeof(TableAccess), nameof(TableAccess.Fill), (WasmValueType)0, 1),
            Opcodes.TableCopy => (3, typeof(TableAccess), nameof(TableAccess.Copy), (WasmValueType)0, 2),
            Opcodes.TableInit => (3, typeof(TableAccess), nameof(TableAccess.Init), (WasmValueType)0, 2),
            _ => (0, typeof(TableAccess), nameof(TableAccess.DropElements), (WasmValueType)0, 1),
        };
        Need(operands);
        Instance();
        if (index >= 1) _il.Constant((int)i.A);
        if (index >= 2) _il.Constant((int)i.B);
        var traps = i.Op is Opcodes.MemoryFill or Opcodes.MemoryCopy or Opcodes.MemoryInit or Opcodes.TableGet
            or Opcodes.TableSet or Opcodes.TableGrow or Opcodes.TableFill or Opcodes.TableCopy or Opcodes.TableInit;
        if (traps) At();
        Call(holder, name);
        Consume(operands);
        if (result != 0) Produce(result, 1);
        if (i.Op == Opcodes.MemoryGrow) ReloadMemory();
    }

    private WasmValueType TableElement(uint table) => _model.Tables[(int)table].Element;
}
