using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>Size limits of a table or memory, in elements or pages; <paramref name="Max"/> null when
/// unbounded.</summary>
internal readonly record struct SizeLimits(uint Min, uint? Max);

/// <summary>A table's type.</summary>
internal readonly record struct TableType(WasmValueType Element, SizeLimits Limits);

/// <summary>A global's type.</summary>
internal readonly record struct GlobalType(WasmValueType Value, bool Mutable);

/// <summary>A constant expression: always one instruction in WebAssembly 2.0 (§3.3.7).</summary>
/// <param name="Op">The instruction's opcode.</param>
/// <param name="Bits">The constant; the index of <c>global.get</c> and <c>ref.func</c>.</param>
/// <param name="High">The upper half of a vector.</param>
/// <param name="Type">What it yields; 0 for <c>global.get</c> until validated.</param>
/// <param name="Offset">Where it is.</param>
internal readonly record struct ConstantExpression(ushort Op, ulong Bits, ulong High, WasmValueType Type, int Offset);

/// <summary>An import with the type that it demands.</summary>
internal sealed record ImportEntry(
    string Module, string Name, ExternKind Kind, FunctionType? Function, TableType Table, SizeLimits Memory,
        GlobalType Global);

/// <summary>An export with its index in its index space.</summary>
internal readonly record struct ExportEntry(string Name, ExternKind Kind, int Index);

/// <summary>How a segment is used.</summary>
internal enum SegmentMode : byte
{
    Active = 1,
    Passive,
    Declarative,
}

/// <summary>An element segment; <paramref name="Offset"/> is where its items begin.</summary>
internal sealed record ElementSegment(
    SegmentMode Mode, int Table, ConstantExpression Start, WasmValueType Type, ElementItem[] Items, int Offset);

/// <summary>A data segment: a window of the module's bytes.</summary>
internal sealed record DataSegment(SegmentMode Mode, int Memory, ConstantExpression Start, int Offset, int Length);

/// <summary>A function's code: its locals beyond the parameters, and the window of its instructions.</summary>
internal sealed record FunctionBody(WasmValueType[] Locals, int Start, int End);

/// <summary>A decoded module. Immutable once decoded; index spaces have their imports first.</summary>
internal sealed class ModuleModel
{
    public required byte[] Bytes { get; init; }

    public FunctionType[] Types { get; set; } = [];

    public List<ImportEntry> Imports { get; } = [];

    public List<FunctionType> Functions { get; } = [];

    public int ImportedFunctions { get; set; }

    public List<TableType> Tables { get; } = [];

    public int ImportedTables { get; set; }

    public List<SizeLimits> Memories { get; } = [];

    public int ImportedMemories { get; set; }

    public List<GlobalType> Globals { get; } = [];

    public int ImportedGlobals { get; set; }

    public List<ConstantExpression> GlobalValues { get; } = [];

    public List<ExportEntry> Exports { get; } = [];

    public int Start { get; set; } = -1;

    public int StartOffset { get; set; } = -1;

    public ElementSegment[] Elements { get; set; } = [];

    public DataSegment[] Data { get; set; } = [];

    public int? DataCount { get; set; }

    /// <summary>Whether code may name data segments: a module with segments must say their number first
    /// (§5.5.16).</summary>
    public bool MayNameData => DataCount is not null || Data.Length == 0;

    public FunctionBody[] Bodies { get; set; } = [];

    public Dictionary<int, string> FunctionNames { get; } = [];

    /// <summary>Functions that element segments name; once valid, all of them exist.</summary>
    public HashSet<int> ElementFunctions()
    {
        var functions = new HashSet<int>();
        foreach (var segment in Elements)
        foreach (var item in segment.Items)
            if (item.Kind == ElementKind.Function) functions.Add(item.Index);
        return functions;
    }

    /// <summary>About how many bytes this takes: the module's own, and what was made of them.</summary>
    public long DecodedBytes()
    {
        const int Entry = 100;
        var bytes = (long)Bytes.Length + (Entry * (Types.Length + Imports.Count + Functions.Count + Globals.Count
            + Exports.Count + Elements.Length + Data.Length + Bodies.Length + FunctionNames.Count));
        foreach (var segment in Elements) bytes += segment.Items.Length * sizeof(uint);
        foreach (var body in Bodies) bytes += body.Locals.Length;
        return bytes;
    }

    /// <summary>The name from the name section, else from an export; null when it has none.</summary>
    public string? NameOf(int function)
    {
        if (FunctionNames.TryGetValue(function, out var name)) return name;
        foreach (var export in Exports)
            if (export.Kind == ExternKind.Function && export.Index == function)
                return export.Name;
        return null;
    }

    /// <summary>The function whose body holds this offset; -1 when none does.</summary>
    public int FunctionAt(int offset)
    {
        int low = 0, high = Bodies.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (offset < Bodies[middle].Start) high = middle - 1;
            else if (offset >= Bodies[middle].End) low = middle + 1;
            else return middle + ImportedFunctions;
        }

        return -1;
    }
}
