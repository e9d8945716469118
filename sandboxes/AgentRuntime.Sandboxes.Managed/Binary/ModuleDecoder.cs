using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>Decodes the sections of a module (WebAssembly 2.0 §5.5). What a section means is for the
/// validator.</summary>
internal sealed partial class ModuleDecoder
{
    /// <summary>The order that non-custom sections must come in: data count stands before code.</summary>
    private static readonly int[] Rank = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

    private const int ItemsPerLook = 256;

    private readonly ModuleModel _module;
    private readonly CompileLimits _limits;
    private readonly Action _checkTime;
    private readonly Dictionary<FunctionType, FunctionType> _canonical = [];
    private int _declaredFunctions;
    private long _locals;

    private ModuleDecoder(byte[] bytes, CompileLimits limits, Action checkTime)
    {
        _module = new ModuleModel { Bytes = bytes };
        _limits = limits;
        _checkTime = checkTime;
    }

    /// <param name="bytes">The module.</param>
    /// <param name="limits">What it may hold.</param>
    /// <param name="checkTime">Throws when compiling takes too long.</param>
    public static ModuleModel Decode(byte[] bytes, CompileLimits limits, Action checkTime)
    {
        if (bytes.Length > limits.MaxModuleBytes)
            throw new WasmModuleException(ModuleFault.TooLarge, $"module exceeds {limits.MaxModuleBytes} bytes", -1);
        var decoder = new ModuleDecoder(bytes, limits, checkTime);
        decoder.Sections(new ByteReader(bytes, 0, bytes.Length));
        return decoder._module;
    }

    private void Sections(ByteReader reader)
    {
        if (reader.Remaining < 4 || reader.Fixed32() != 0x6D736100) throw reader.Malformed("magic header not detected");
        if (reader.Remaining < 4 || reader.Fixed32() != 1) throw reader.Malformed("unknown binary version");
        var last = 0;
        var sawCode = false;
        while (reader.Remaining > 0)
        {
            var id = reader.Byte();
            if (id > 12) throw reader.Malformed("malformed section id");
            var length = reader.U32();
            if (length > (uint)reader.Remaining) throw reader.Malformed("length out of bounds");
            var section = reader.Window((int)length);
            if (id == 0)
            {
                Custom(section);
                continue;
            }

            if (Rank[id] <= last) throw section.Malformed("unexpected content after last section");
            last = Rank[id];
            sawCode |= id == 10;
            Section(id, section);
            if (section.Remaining != 0) throw section.Malformed("section size mismatch");
        }

        if (!sawCode && _declaredFunctions != 0)
            throw reader.Malformed("function and code section have inconsistent lengths");
        if (_module.DataCount is { } count && count != _module.Data.Length)
            throw reader.Malformed("data count and data section have inconsistent lengths");
    }

    private void Section(byte id, ByteReader r)
    {
        switch (id)
        {
            case 1: TypeSection(r); break;
            case 2: ImportSection(r); break;
            case 3: FunctionSection(r); break;
            case 4: Repeat(r, "tables", DecodeLimits.Tables, () => _module.Tables.Add(Table(r))); break;
            case 5: Repeat(r, "memories", int.MaxValue, () => _module.Memories.Add(Limits(r))); break;
            case 6: Repeat(r, "globals", DecodeLimits.Globals, () => GlobalEntry(r)); break;
            case 7: Repeat(r, "exports", DecodeLimits.Exports, () => Export(r)); break;
            case 8: _module.StartOffset = r.Position; _module.Start = (int)r.U32(); break;
            case 9: ElementSection(r); break;
            case 10: CodeSection(r); break;
            case 11: DataSection(r); break;
            default: _module.DataCount = (int)Math.Min(r.U32(), int.MaxValue); break;
        }
    }

    private void Repeat(ByteReader r, string what, int most, Action item)
    {
        var count = r.Count(what);
        if (count > most) throw TooLarge($"more than {most} {what}", r.Position);
        for (var left = count; left > 0; left--)
        {
            if (left % ItemsPerLook == 0) _checkTime();
            item();
        }
    }

    private static WasmModuleException TooLarge(string message, int offset) =>
        new(ModuleFault.TooLarge, message, offset);

    private void TypeSection(ByteReader r)
    {
        var types = new List<FunctionType>();
        Repeat(r, "types", DecodeLimits.Types, () =>
        {
            if (r.Byte() != 0x60) throw r.Malformed("malformed function type");
            var type = new FunctionType(ValueTypes(r), ValueTypes(r));
            if (type.Parameters.Length > 1000 || type.Results.Length > 1000)
                throw TooLarge("function type exceeds 1000 values", r.Position);
            // Equal types become one object, so that an indirect call compares references.
            if (!_canonical.TryGetValue(type, out var canonical)) _canonical.Add(type, canonical = type);
            types.Add(canonical);
        });
        _module.Types = [.. types];
    }

    private static WasmValueType[] ValueTypes(ByteReader r)
    {
        var types = new WasmValueType[r.Count("value types")];
        for (var i = 0; i < types.Length; i++) types[i] = ValueType(r);
        return types;
    }

    internal static WasmValueType ValueType(ByteReader r)
    {
        var code = (WasmValueType)r.Byte();
        return Enum.IsDefined(code) ? code : throw r.Malformed("malformed value type");
    }

    internal static WasmValueType ReferenceType(ByteReader r)
    {
        var code = (WasmValueType)r.Byte();
        return code is WasmValueType.FuncRef or WasmValueType.ExternRef
            ? code : throw r.Malformed("malformed reference type");
    }

    private static SizeLimits Limits(ByteReader r)
    {
        var flags = r.Byte();
        if (flags > 1) throw r.Malformed(flags >= 0x80 ? "integer representation too long" : "malformed limits flags");
        var min = r.U32();
        return new SizeLimits(min, flags == 1 ? r.U32() : null);
    }

    private static TableType Table(ByteReader r)
    {
        var element = ReferenceType(r);
        return new TableType(element, Limits(r));
    }

    private static GlobalType Global(ByteReader r)
    {
        var type = ValueType(r);
        var mutable = r.Byte();
        if (mutable > 1) throw r.Malformed("malformed mutability");
        return new GlobalType(type, mutable == 1);
    }

    private void GlobalEntry(ByteReader r)
    {
        _module.Globals.Add(Global(r));
        _module.GlobalValues.Add(Constant(r));
    }

    private void Export(ByteReader r)
    {
        var name = r.Name();
        var kind = r.Byte();
        if (kind > 3) throw r.Malformed("malformed export kind");
        _module.Exports.Add(new ExportEntry(name, (ExternKind)kind, (int)Math.Min(r.U32(), int.MaxValue)));
    }

    private FunctionType TypeAt(ByteReader r)
    {
        var index = r.U32();
        return index < (uint)_module.Types.Length
            ? _module.Types[index]
            : throw new WasmModuleException(ModuleFault.Invalid, "unknown type", r.Position);
    }

    private void ImportSection(ByteReader r)
    {
        Repeat(r, "imports", _limits.MaxFunctions, () =>
        {
            var module = r.Name();
            var name = r.Name();
            var entry = new ImportEntry(module, name, ExternKind.Function, null, default, default, default);
            switch (r.Byte())
            {
                case 0:
                    entry = entry with { Function = TypeAt(r) };
                    _module.Functions.Add(entry.Function!);
                    _module.ImportedFunctions++;
                    break;
                case 1:
                    entry = entry with { Kind = ExternKind.Table, Table = Table(r) };
                    _module.Tables.Add(entry.Table);
                    _module.ImportedTables++;
                    break;
                case 2:
                    entry = entry with { Kind = ExternKind.Memory, Memory = Limits(r) };
                    _module.Memories.Add(entry.Memory);
                    _module.ImportedMemories++;
                    break;
                case 3:
                    entry = entry with { Kind = ExternKind.Global, Global = Global(r) };
                    _module.Globals.Add(entry.Global);
                    _module.ImportedGlobals++;
                    break;
                default:
                    throw r.Malformed("malformed import kind");
            }

            _module.Imports.Add(entry);
        });
    }

    private void FunctionSection(ByteReader r)
    {
        _declaredFunctions = r.Count("functions");
        // An import is a method, too, and the instance's.
        if (_declaredFunctions > _limits.MaxFunctions - _module.Imports.Count)
            throw TooLarge($"more than {_limits.MaxFunctions} functions and imports", r.Position);
        for (var i = 0; i < _declaredFunctions; i++) _module.Functions.Add(TypeAt(r));
    }
}
