using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Tests.Building;

/// <summary>Writes binary modules, valid or not: what a test gives is what the module gets.</summary>
internal sealed class ModuleBuilder
{
    private readonly List<byte[]> _types = [];
    private readonly List<byte[]> _imports = [];
    private readonly List<byte[]> _functions = [];
    private readonly List<byte[]> _tables = [];
    private readonly List<byte[]> _memories = [];
    private readonly List<byte[]> _globals = [];
    private readonly List<byte[]> _exports = [];
    private readonly List<byte[]> _elements = [];
    private readonly List<byte[]> _bodies = [];
    private readonly List<byte[]> _data = [];
    private int? _start;

    private int _importedFunctions;

    public int FunctionCount => _importedFunctions + _functions.Count;

    public int Type(WasmValueType[] parameters, WasmValueType[] results)
    {
        _types.Add([0x60, .. Vector(parameters.Select(p => new[] { (byte)p })),
            .. Vector(results.Select(p => new[] { (byte)p }))]);
        return _types.Count - 1;
    }

    public int ImportFunction(string module, string name, int type)
    {
        _imports.Add([.. Name(module), .. Name(name), 0, .. U32((uint)type)]);
        return _importedFunctions++;
    }

    /// <summary>A function; its code ends itself.</summary>
    public int Function(int type, Code code, string? export = null)
    {
        _functions.Add(U32((uint)type));
        byte[] body = [.. Vector(code.LocalRuns.Select(r => (byte[])[.. U32((uint)r.Count), (byte)r.Type])),
            .. code.Bytes];
        _bodies.Add([.. U32((uint)body.Length), .. body]);
        if (export is not null) Export(export, ExternKind.Function, FunctionCount - 1);
        return FunctionCount - 1;
    }

    public ModuleBuilder Memory(uint min, uint? max = null, string? export = null)
    {
        _memories.Add(Limits(min, max));
        if (export is not null) Export(export, ExternKind.Memory, 0);
        return this;
    }

    public ModuleBuilder Table(uint min, uint? max = null)
    {
        _tables.Add([(byte)WasmValueType.FuncRef, .. Limits(min, max)]);
        return this;
    }

    public int Global(WasmValueType type, bool mutable, Code value, string? export = null)
    {
        _globals.Add([(byte)type, (byte)(mutable ? 1 : 0), .. value.Bytes]);
        if (export is not null) Export(export, ExternKind.Global, _globals.Count - 1);
        return _globals.Count - 1;
    }

    public ModuleBuilder Export(string name, ExternKind kind, int index)
    {
        _exports.Add([.. Name(name), (byte)kind, .. U32((uint)index)]);
        return this;
    }

    /// <summary>Functions into the first table, from an offset.</summary>
    public ModuleBuilder Elements(int offset, params int[] functions)
    {
        _elements.Add([0, .. new Code().I32(offset).End().Bytes, .. Vector(functions.Select(f => U32((uint)f)))]);
        return this;
    }

    /// <summary>A segment that only <c>table.init</c> reads.</summary>
    public ModuleBuilder PassiveElements(params int[] functions)
    {
        _elements.Add([1, 0, .. Vector(functions.Select(f => U32((uint)f)))]);
        return this;
    }

    public ModuleBuilder Data(int offset, ReadOnlySpan<byte> bytes)
    {
        _data.Add([0, .. new Code().I32(offset).End().Bytes, .. U32((uint)bytes.Length), .. bytes]);
        return this;
    }

    public ModuleBuilder Start(int function)
    {
        _start = function;
        return this;
    }

    public byte[] Build()
    {
        List<byte> module = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0];
        Section(1, _types);
        Section(2, _imports);
        Section(3, _functions);
        Section(4, _tables);
        Section(5, _memories);
        Section(6, _globals);
        Section(7, _exports);
        if (_start is { } start) Raw(8, U32((uint)start));
        Section(9, _elements);
        Section(10, _bodies);
        Section(11, _data);
        return [.. module];

        void Section(byte id, List<byte[]> items)
        {
            if (items.Count > 0) Raw(id, Vector(items));
        }

        void Raw(byte id, byte[] content)
        {
            module.Add(id);
            module.AddRange(U32((uint)content.Length));
            module.AddRange(content);
        }
    }

    internal static byte[] U32(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }

    private static byte[] Limits(uint min, uint? max) => max is { } m ? [1, .. U32(min), .. U32(m)] : [0, .. U32(min)];

    private static byte[] Name(string name)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(name);
        return [.. U32((uint)bytes.Length), .. bytes];
    }

    private static byte[] Vector(IEnumerable<byte[]> items)
    {
        var list = items.ToList();
        return [.. U32((uint)list.Count), .. list.SelectMany(i => i)];
    }
}

/// <summary>Writes instructions, each method returning the code itself.</summary>
internal sealed class Code
{
    private readonly List<byte> _bytes = [];

    public List<(int Count, WasmValueType Type)> LocalRuns { get; } = [];

    public byte[] Bytes => [.. _bytes];

    public Code Locals(int count, WasmValueType type)
    {
        LocalRuns.Add((count, type));
        return this;
    }

    public Code Op(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>An opcode with index immediates.</summary>
    public Code With(int op, params uint[] immediates)
    {
        if (op > 0xFF) Op((byte)(op >> 8)).Op(ModuleBuilder.U32((uint)op & 0xFF));
        else Op((byte)op);
        foreach (var immediate in immediates) Op(ModuleBuilder.U32(immediate));
        return this;
    }

    public Code I32(int value) => Op(0x41).Signed(value);

    public Code I64(long value) => Op(0x42).Signed(value);

    public Code F32(float value) => Op(0x43).Op(BitConverter.GetBytes(value));

    public Code F64(double value) => Op(0x44).Op(BitConverter.GetBytes(value));

    public Code Get(int local) => With(Opcodes.LocalGet, (uint)local);

    public Code Set(int local) => With(Opcodes.LocalSet, (uint)local);

    public Code Tee(int local) => With(Opcodes.LocalTee, (uint)local);

    public Code Call(int function) => With(Opcodes.Call, (uint)function);

    public Code Block() => Op(0x02, 0x40);

    public Code Loop() => Op(0x03, 0x40);

    public Code If() => Op(0x04, 0x40);

    public Code If(WasmValueType result) => Op(0x04, (byte)result);

    public Code Else() => Op(0x05);

    public Code End() => Op(0x0B);

    public Code Br(uint depth) => With(Opcodes.Br, depth);

    public Code BrIf(uint depth) => With(Opcodes.BrIf, depth);

    private Code Signed(long value)
    {
        while (value is < -64 or > 63)
        {
            _bytes.Add((byte)(value | 0x80));
            value >>= 7;
        }

        _bytes.Add((byte)(value & 0x7F));
        return this;
    }
}
