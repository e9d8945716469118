using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>What a memory access moves.</summary>
/// <param name="Type">The type on the stack.</param>
/// <param name="Log2">The natural alignment: log2 of the bytes accessed.</param>
/// <param name="Store">Whether it stores.</param>
internal readonly record struct MemoryAccessShape(WasmValueType Type, int Log2, bool Store);

/// <summary>Which opcodes exist, and the stack signatures of those that have fixed ones.</summary>
internal static partial class OpcodeTable
{
    /// <summary>Signatures as <c>parameters&gt;results</c>: i I f F for the number types, v for v128.</summary>
    private static readonly string?[] Plain = new string?[256];
    private static readonly string?[] Misc = new string?[256];
    private static readonly string?[] Vector = new string?[256];
    private static readonly bool[] Control = new bool[256];
    private static readonly Signature[] Signatures = new Signature[3 * 256];

    static OpcodeTable()
    {
        foreach (var op in (ReadOnlySpan<int>)[0, 1, 2, 3, 4, 5, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x1A, 0x1B,
            0x1C,
            0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3F, 0x40, 0x41, 0x42, 0x43, 0x44, 0xD0, 0xD1, 0xD2])
            Control[op] = true;
        for (var op = (int)Opcodes.FirstLoad; op <= Opcodes.LastStore; op++) Control[op] = true;
        Fill(Plain, 0x45, 0x45, "i>i");
        Fill(Plain, 0x46, 0x4F, "ii>i");
        Fill(Plain, 0x50, 0x50, "I>i");
        Fill(Plain, 0x51, 0x5A, "II>i");
        Fill(Plain, 0x5B, 0x60, "ff>i");
        Fill(Plain, 0x61, 0x66, "FF>i");
        Fill(Plain, 0x67, 0x69, "i>i");
        Fill(Plain, 0x6A, 0x78, "ii>i");
        Fill(Plain, 0x79, 0x7B, "I>I");
        Fill(Plain, 0x7C, 0x8A, "II>I");
        Fill(Plain, 0x8B, 0x91, "f>f");
        Fill(Plain, 0x92, 0x98, "ff>f");
        Fill(Plain, 0x99, 0x9F, "F>F");
        Fill(Plain, 0xA0, 0xA6, "FF>F");
        string[] conversions =
        [
            "I>i", "f>i", "f>i", "F>i", "F>i", "i>I", "i>I", "f>I", "f>I", "F>I", "F>I", "i>f", "i>f", "I>f", "I>f",
                "F>f",
            "i>F", "i>F", "I>F", "I>F", "f>F", "f>i", "F>I", "i>f", "I>F", "i>i", "i>i", "I>I", "I>I", "I>I",
        ];
        conversions.CopyTo(Plain, 0xA7);
        string[] saturating = ["f>i", "f>i", "F>i", "F>i", "f>I", "f>I", "F>I", "F>I"];
        saturating.CopyTo(Misc, 0);
        FillVector();
        for (var i = 0; i < 256; i++)
        {
            Signatures[i] = Parse(Plain[i]);
            Signatures[256 + i] = Parse(Misc[i]);
            Signatures[512 + i] = Parse(Vector[i]);
        }
    }

    /// <summary>Parameter and result types of an instruction; no results when <c>0</c>.</summary>
    internal readonly record struct Signature(WasmValueType[] Parameters, WasmValueType Result);

    public static bool Exists(ushort op) => (op >> 8) switch
    {
        0 => Control[op] || Plain[op] is not null,
        0xFC => (op & 0xFF) <= 0x11,
        _ => Vector[op & 0xFF] is not null || IsMemoryAccess(op) || op is Opcodes.V128Const or Opcodes.Shuffle,
    };

    /// <summary>Whether the instruction has a fixed signature and no effect but on its operands.</summary>
    public static bool IsNumeric(ushort op) => SignatureOf(op).Parameters is not null;

    public static ref readonly Signature SignatureOf(ushort op) =>
        ref Signatures[(op & 0xFF) + ((op >> 8) switch { 0 => 0, 0xFC => 256, _ => 512 })];

    public static bool IsMemoryAccess(ushort op) => op switch
    {
        >= Opcodes.FirstLoad and <= Opcodes.LastStore => true,
        >= Opcodes.V128Load and <= Opcodes.V128Store => true,
        >= Opcodes.FirstLoadLane and <= Opcodes.Load64Zero => true,
        _ => false,
    };

    public static MemoryAccessShape ShapeOf(ushort op)
    {
        if (op < 0xFD00)
        {
            ReadOnlySpan<byte> log2 = [2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2];
            var type = op switch
            {
                0x2A or 0x38 => WasmValueType.F32,
                0x2B or 0x39 => WasmValueType.F64,
                0x28 or (>= 0x2C and <= 0x2F) or 0x36 or 0x3A or 0x3B => WasmValueType.I32,
                _ => WasmValueType.I64,
            };
            return new MemoryAccessShape(type, log2[op - 0x28], op >= 0x36);
        }

        ReadOnlySpan<byte> vector = [4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3, 4];
        return op switch
        {
            <= Opcodes.V128Store => new(WasmValueType.V128, vector[op - 0xFD00], op == Opcodes.V128Store),
            Opcodes.Load32Zero => new(WasmValueType.V128, 2, false),
            Opcodes.Load64Zero => new(WasmValueType.V128, 3, false),
            >= Opcodes.FirstStoreLane => new(WasmValueType.V128, op - Opcodes.FirstStoreLane, true),
            _ => new(WasmValueType.V128, op - Opcodes.FirstLoadLane, false),
        };
    }

    private static void Fill(string?[] table, int first, int last, string signature)
    {
        for (var i = first; i <= last; i++) table[i] = signature;
    }

    private static Signature Parse(string? text)
    {
        if (text is null) return default;
        var arrow = text.IndexOf('>', StringComparison.Ordinal);
        return new Signature(
            [.. text[..arrow].Select(TypeOf)], arrow + 1 < text.Length ? TypeOf(text[arrow + 1]) : 0);
    }

    private static WasmValueType TypeOf(char c) => c switch
    {
        'i' => WasmValueType.I32,
        'I' => WasmValueType.I64,
        'f' => WasmValueType.F32,
        'F' => WasmValueType.F64,
        _ => WasmValueType.V128,
    };
}
