namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>Opcodes (WebAssembly 2.0 §5.4) that the code names; the rest lives in <see cref="OpcodeTable"/>.</summary>
internal static class Opcodes
{
    public const ushort Unreachable = 0x00;
    public const ushort Nop = 0x01;
    public const ushort Block = 0x02;
    public const ushort Loop = 0x03;
    public const ushort If = 0x04;
    public const ushort Else = 0x05;
    public const ushort End = 0x0B;
    public const ushort Br = 0x0C;
    public const ushort BrIf = 0x0D;
    public const ushort BrTable = 0x0E;
    public const ushort Return = 0x0F;
    public const ushort Call = 0x10;
    public const ushort CallIndirect = 0x11;
    public const ushort Drop = 0x1A;
    public const ushort Select = 0x1B;
    public const ushort SelectTyped = 0x1C;
    public const ushort LocalGet = 0x20;
    public const ushort LocalSet = 0x21;
    public const ushort LocalTee = 0x22;
    public const ushort GlobalGet = 0x23;
    public const ushort GlobalSet = 0x24;
    public const ushort TableGet = 0x25;
    public const ushort TableSet = 0x26;
    public const ushort FirstLoad = 0x28;
    public const ushort LastStore = 0x3E;
    public const ushort MemorySize = 0x3F;
    public const ushort MemoryGrow = 0x40;
    public const ushort I32Const = 0x41;
    public const ushort I64Const = 0x42;
    public const ushort F32Const = 0x43;
    public const ushort F64Const = 0x44;
    public const ushort RefNull = 0xD0;
    public const ushort RefIsNull = 0xD1;
    public const ushort RefFunc = 0xD2;

    /// <summary>Instructions behind the 0xFC prefix are <c>0xFC00 | number</c>.</summary>
    public const ushort MiscPrefix = 0xFC00;
    public const ushort MemoryInit = 0xFC08;
    public const ushort DataDrop = 0xFC09;
    public const ushort MemoryCopy = 0xFC0A;
    public const ushort MemoryFill = 0xFC0B;
    public const ushort TableInit = 0xFC0C;
    public const ushort ElemDrop = 0xFC0D;
    public const ushort TableCopy = 0xFC0E;
    public const ushort TableGrow = 0xFC0F;
    public const ushort TableSize = 0xFC10;
    public const ushort TableFill = 0xFC11;

    /// <summary>Instructions behind the 0xFD prefix are <c>0xFD00 | number</c>.</summary>
    public const ushort VectorPrefix = 0xFD00;
    public const ushort V128Load = 0xFD00;
    public const ushort V128Store = 0xFD0B;
    public const ushort V128Const = 0xFD0C;
    public const ushort Shuffle = 0xFD0D;
    public const ushort FirstLane = 0xFD15;
    public const ushort LastLane = 0xFD22;
    public const ushort FirstLoadLane = 0xFD54;
    public const ushort FirstStoreLane = 0xFD58;
    public const ushort LastStoreLane = 0xFD5B;
    public const ushort Load32Zero = 0xFD5C;
    public const ushort Load64Zero = 0xFD5D;
}
