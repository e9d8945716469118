using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>One instruction with its immediates, whose meaning depends on the opcode.</summary>
internal struct Instruction
{
    /// <summary>The opcode; prefixes as in <see cref="Opcodes"/>.</summary>
    public ushort Op;

    /// <summary>Where it is in the module.</summary>
    public int Offset;

    /// <summary>The first index immediate; the alignment of a memory access.</summary>
    public uint A;

    /// <summary>The second index immediate; the lane.</summary>
    public uint B;

    /// <summary>A constant's bits, a block type, or the offset of a memory access.</summary>
    public long Value;

    /// <summary>The upper half of a vector constant.</summary>
    public ulong High;

    /// <summary>Targets of <c>br_table</c>, the default last.</summary>
    public uint[]? Targets;
}

/// <summary>Reads instructions one by one (WebAssembly 2.0 §5.4). Nesting is the caller's affair.</summary>
internal readonly struct InstructionReader(ByteReader reader, bool hasDataCount)
{
    public ByteReader Source => reader;

    public Instruction Next()
    {
        var i = new Instruction { Offset = reader.Position };
        i.Op = reader.Byte();
        if (i.Op >= 0xFC)
        {
            var sub = reader.U32();
            if (i.Op > 0xFD || sub > 0xFF) throw Illegal(i.Offset);
            i.Op = (ushort)((i.Op << 8) | (int)sub);
        }

        if (!OpcodeTable.Exists(i.Op)) throw Illegal(i.Offset);
        Immediates(ref i);
        return i;
    }

    private static WasmModuleException Illegal(int offset) => new(ModuleFault.Malformed, "illegal opcode", offset);

    private void Immediates(ref Instruction i)
    {
        if (OpcodeTable.IsMemoryAccess(i.Op))
        {
            i.A = reader.U32();
            if (i.A >= 32) throw reader.Malformed("malformed memop flags");
            i.Value = reader.U32();
            if (i.Op is >= Opcodes.FirstLoadLane and <= Opcodes.LastStoreLane) i.B = reader.Byte();
            return;
        }

        switch (i.Op)
        {
            case Opcodes.Block or Opcodes.Loop or Opcodes.If:
                i.Value = BlockType();
                break;
            case Opcodes.Br or Opcodes.BrIf or Opcodes.Call or Opcodes.RefFunc or Opcodes.ElemDrop
                or (>= Opcodes.LocalGet and <= Opcodes.TableSet)
                or Opcodes.TableGrow or Opcodes.TableSize or Opcodes.TableFill:
                i.A = reader.U32();
                break;
            case Opcodes.BrTable:
                i.Targets = new uint[reader.Count("branch targets") + 1];
                for (var t = 0; t < i.Targets.Length; t++) i.Targets[t] = reader.U32();
                break;
            case Opcodes.CallIndirect or Opcodes.TableInit or Opcodes.TableCopy:
                i.A = reader.U32();
                i.B = reader.U32();
                break;
            case Opcodes.SelectTyped:
                i.A = reader.U32();
                for (var left = i.A; left > 0; left--) i.Value = (long)ModuleDecoder.ValueType(reader);
                break;
            case Opcodes.MemorySize or Opcodes.MemoryGrow or Opcodes.MemoryFill:
                Zero();
                break;
            case Opcodes.MemoryCopy:
                Zero();
                Zero();
                break;
            case Opcodes.MemoryInit or Opcodes.DataDrop:
                i.A = reader.U32();
                if (i.Op == Opcodes.MemoryInit) Zero();
                if (!hasDataCount) throw reader.Malformed("data count section required");
                break;
            case Opcodes.I32Const:
                i.Value = reader.S32();
                break;
            case Opcodes.I64Const:
                i.Value = reader.S64();
                break;
            case Opcodes.F32Const:
                i.Value = reader.Fixed32();
                break;
            case Opcodes.F64Const:
                i.Value = (long)reader.Fixed64();
                break;
            case Opcodes.RefNull:
                i.A = (uint)ModuleDecoder.ReferenceType(reader);
                break;
            case Opcodes.V128Const or Opcodes.Shuffle:
                i.Value = (long)reader.Fixed64();
                i.High = reader.Fixed64();
                break;
            case >= Opcodes.FirstLane and <= Opcodes.LastLane:
                i.B = reader.Byte();
                break;
        }
    }

    /// <summary>0x40 is the empty type (-64), another negative byte a value type, anything else a type index.</summary>
    private long BlockType()
    {
        var type = reader.S33();
        if (type >= 0 || type == -64) return type;
        if (type < -64 || !Enum.IsDefined((WasmValueType)(type & 0x7F))) throw reader.Malformed("malformed block type");
        return type;
    }

    private void Zero()
    {
        if (reader.Byte() != 0) throw reader.Malformed("zero byte expected");
    }
}
