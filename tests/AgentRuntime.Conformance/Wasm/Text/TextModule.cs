using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>
/// Turns a module's text into its binary form, well-typed or not: what the text says is what the engine gets to judge
/// (WebAssembly 2.0 §6.6). Abbreviations are expanded on the way.
/// </summary>
internal sealed partial class TextModule
{
    private readonly TextTypes _types = new();
    private readonly Dictionary<string, Dictionary<string, int>> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly List<WasmBytes> _imports = [];
    private readonly List<WasmBytes> _functions = [];
    private readonly List<WasmBytes> _tables = [];
    private readonly List<WasmBytes> _memories = [];
    private readonly List<WasmBytes> _globals = [];
    private readonly List<WasmBytes> _exports = [];
    private readonly List<WasmBytes> _elements = [];
    private readonly List<WasmBytes> _bodies = [];
    private readonly List<WasmBytes> _data = [];

    /// <summary>What needs all names known first: bodies, initial values, segments.</summary>
    private readonly List<Action> _later = [];

    private WasmBytes? _start;
    private bool _namesData;

    public static byte[] Encode(IEnumerable<TextNode> fields) => new TextModule().Module([.. fields]);

    private byte[] Module(List<TextNode> fields)
    {
        foreach (var field in fields)
            if (field.Head == "type") _types.Define(field);
        foreach (var field in fields) Field(field);
        foreach (var action in _later) action();
        var module = new WasmBytes().Raw([0, 0x61, 0x73, 0x6D, 1, 0, 0, 0])
            .Section(1, _types.Encoded).Section(2, _imports).Section(3, _functions).Section(4, _tables)
            .Section(5, _memories).Section(6, _globals).Section(7, _exports);
        if (_start is not null) module.Section(8, _start);
        module.Section(9, _elements);
        if (_namesData) module.Section(12, new WasmBytes().U32((uint)_data.Count));
        return module.Section(10, _bodies).Section(11, _data).ToArray();
    }

    private void Field(TextNode field)
    {
        var items = field.Items!;
        var at = 1;
        switch (field.Head)
        {
            case "type": break;
            case "import": Import(items); break;
            case "func": Function(field); break;
            case "table": Table(field); break;
            case "memory": Memory(field); break;
            case "global": Global(field); break;
            case "export":
                var name = items[1].String!;
                _later.Add(() => Export(name, items[2].Head!, items[2].Items![1]));
                break;
            case "start":
                _later.Add(() => _start = new WasmBytes().U32(Index("func", items[1])));
                break;
            case "elem":
                Declare("elem", items, ref at);
                Elements(items, at);
                break;
            case "data":
                Declare("data", items, ref at);
                Data(items, at);
                break;
            default: throw field.Error("unknown field");
        }
    }

    /// <summary>Gives the next index of a space, and its name if one stands here.</summary>
    private int Declare(string space, List<TextNode> items, ref int at)
    {
        var index = _counts.GetValueOrDefault(space);
        _counts[space] = index + 1;
        if (at < items.Count && items[at].IsId)
        {
            if (!_names.TryGetValue(space, out var names)) _names.Add(space, names = new(StringComparer.Ordinal));
            if (!names.TryAdd(items[at].Atom!, index)) throw items[at].Error("duplicate name");
            at++;
        }

        return index;
    }

    private uint Index(string space, TextNode node)
    {
        if (!node.IsId) return (uint)TextNumbers.Integer(node);
        return _names.TryGetValue(space, out var names) && names.TryGetValue(node.Atom!, out var index)
            ? (uint)index
            : throw node.Error($"unknown {space}");
    }

    private void Export(byte[] name, string kind, TextNode index) =>
        _exports.Add(new WasmBytes().Name(name).Byte(Kind(kind)).U32(Index(kind, index)));

    private static int Kind(string kind) => kind switch { "func" => 0, "table" => 1, "memory" => 2, _ => 3 };

    private void InlineExports(string kind, int index, List<TextNode> items, ref int at)
    {
        for (; at < items.Count && items[at].Head == "export"; at++)
            _exports.Add(new WasmBytes().Name(items[at].Items![1].String!).Byte(Kind(kind)).U32((uint)index));
    }

    private void Import(List<TextNode> items)
    {
        var description = items[3].Items!;
        var at = 1;
        var kind = items[3].Head!;
        Declare(kind, description, ref at);
        Imported(items[1], items[2], kind, description, at);
    }

    private void Imported(TextNode module, TextNode name, string kind, List<TextNode> description, int at)
    {
        var import = new WasmBytes().Name(module.String!).Name(name.String!).Byte(Kind(kind));
        switch (kind)
        {
            case "func": import.U32((uint)_types.Use(description, ref at, null).Index); break;
            case "table": TableType(import, description, at); break;
            case "memory": Limits(import, description, at); break;
            default: GlobalType(import, description[at]); break;
        }

        _imports.Add(import);
    }

    /// <summary>The abbreviation that puts an import into a definition.</summary>
    private bool InlineImport(string kind, List<TextNode> items, int at)
    {
        if (at >= items.Count || items[at].Head != "import") return false;
        Imported(items[at].Items![1], items[at].Items![2], kind, items, at + 1);
        return true;
    }

    private static void Limits(WasmBytes to, List<TextNode> items, int at)
    {
        var bounded = at + 1 < items.Count && items[at + 1].Atom is { } a && char.IsAsciiDigit(a[0]);
        to.Byte(bounded ? 1 : 0).U32((uint)TextNumbers.Integer(items[at]));
        if (bounded) to.U32((uint)TextNumbers.Integer(items[at + 1]));
    }

    private static void TableType(WasmBytes to, List<TextNode> items, int at)
    {
        to.Byte((int)TextTypes.Value(items[^1]));
        Limits(to, items, at);
    }

    private static void GlobalType(WasmBytes to, TextNode type)
    {
        if (type.Head == "mut") to.Byte((int)TextTypes.Value(type.Items![1])).Byte(1);
        else to.Byte((int)TextTypes.Value(type)).Byte(0);
    }

    private void Global(TextNode field)
    {
        var items = field.Items!;
        var at = 1;
        var index = Declare("global", items, ref at);
        InlineExports("global", index, items, ref at);
        if (InlineImport("global", items, at)) return;
        var bytes = new WasmBytes();
        GlobalType(bytes, items[at]);
        var start = at + 1;
        _globals.Add(bytes);
        _later.Add(() => bytes.Raw(Constant(items[start..])));
    }

    private byte[] Constant(List<TextNode> nodes) => new TextCode(this, _types, new WasmBytes()).Body(nodes);

    private void Memory(TextNode field)
    {
        var items = field.Items!;
        var at = 1;
        var index = Declare("memory", items, ref at);
        InlineExports("memory", index, items, ref at);
        if (InlineImport("memory", items, at)) return;
        var bytes = new WasmBytes();
        if (items[at].Head == "data")
        {
            var content = Concatenated(items[at].Items!, 1);
            var pages = (uint)((content.Length + 65_535) / 65_536);
            bytes.Byte(1).U32(pages).U32(pages);
            var ignored = 0;
            Declare("data", [], ref ignored);
            _data.Add(new WasmBytes().Byte(0).Byte(0x41).Byte(0).Byte(0x0B).Name(content));
        }
        else
        {
            Limits(bytes, items, at);
        }

        _memories.Add(bytes);
    }

    private static byte[] Concatenated(List<TextNode> nodes, int at) =>
        [.. nodes.Skip(at).SelectMany(n => n.String ?? throw n.Error("a string is missing"))];

    private void Table(TextNode field)
    {
        var items = field.Items!;
        var at = 1;
        var index = Declare("table", items, ref at);
        InlineExports("table", index, items, ref at);
        if (InlineImport("table", items, at)) return;
        var bytes = new WasmBytes();
        if (at + 1 < items.Count && items[at + 1].Head == "elem")
        {
            var type = TextTypes.Value(items[at]);
            var list = items[at + 1].Items!;
            bytes.Byte((int)type).Byte(1).U32((uint)list.Count - 1).U32((uint)list.Count - 1);
            var ignored = 0;
            Declare("elem", [], ref ignored);
            var segment = new WasmBytes();
            _elements.Add(segment);
            _later.Add(() =>
            {
                segment.U32(6).U32((uint)index).Byte(0x41).Byte(0).Byte(0x0B).Byte((int)type);
                Items(segment, list, 1);
            });
        }
        else
        {
            TableType(bytes, items, at);
        }

        _tables.Add(bytes);
    }

    /// <summary>Element items as expressions, whichever way they are written.</summary>
    private void Items(WasmBytes to, List<TextNode> list, int at)
    {
        to.U32((uint)(list.Count - at));
        for (; at < list.Count; at++)
        {
            var item = list[at];
            if (item.Items is null) to.Byte(0xD2).U32(Index("func", item)).Byte(0x0B);
            else to.Raw(Constant(item.Head == "item" ? item.Items[1..] : [item]));
        }
    }

    private void Elements(List<TextNode> items, int start)
    {
        var segment = new WasmBytes();
        _elements.Add(segment);
        _later.Add(() =>
        {
            var at = start;
            var declarative = items.Count > at && items[at].Atom == "declare";
            if (declarative) at++;
            TextNode? table = null;
            if (at < items.Count && items[at].Head == "table") table = items[at++].Items![1];
            else if (at + 1 < items.Count && items[at].Atom is not (null or "func" or "funcref" or "externref")
                && items[at + 1].Items is not null) table = items[at++];
            var offset = at < items.Count && items[at].Items is not null ? items[at++] : null;
            var type = WasmValueType.FuncRef;
            if (at < items.Count && items[at].Atom is "func" or "funcref" or "externref")
            {
                if (items[at].Atom == "externref") type = WasmValueType.ExternRef;
                at++;
            }

            if (offset is null)
            {
                segment.U32(declarative ? 7u : 5u);
            }
            else
            {
                segment.U32(6).U32(table is null ? 0 : Index("table", table));
                segment.Raw(Constant(offset.Head == "offset" ? offset.Items![1..] : [offset]));
            }

            segment.Byte((int)type);
            Items(segment, items, at);
        });
    }

    private void Data(List<TextNode> items, int start)
    {
        var segment = new WasmBytes();
        _data.Add(segment);
        _later.Add(() =>
        {
            var at = start;
            TextNode? memory = null;
            if (at < items.Count && items[at].Head == "memory") memory = items[at++].Items![1];
            else if (at < items.Count && items[at].Atom is not null) memory = items[at++];
            if (at < items.Count && items[at].Items is not null)
            {
                var index = memory is null ? 0 : Index("memory", memory);
                if (index == 0) segment.U32(0);
                else segment.U32(2).U32(index);
                segment.Raw(Constant(items[at].Head == "offset" ? items[at].Items![1..] : [items[at]]));
                at++;
            }
            else
            {
                segment.U32(1);
            }

            segment.Name(Concatenated(items, at));
        });
    }

    private void Function(TextNode field)
    {
        var items = field.Items!;
        var at = 1;
        var index = Declare("func", items, ref at);
        InlineExports("func", index, items, ref at);
        if (InlineImport("func", items, at)) return;
        var names = new List<string?>();
        var (type, _) = _types.Use(items, ref at, names);
        _functions.Add(new WasmBytes().U32((uint)type));
        var locals = new List<WasmValueType>();
        for (; at < items.Count && items[at].Head == "local"; at++) TextTypes.Values(items[at], locals, names);
        var start = at;
        var bytes = new WasmBytes();
        _bodies.Add(bytes);
        _later.Add(() =>
        {
            var body = new WasmBytes().U32((uint)locals.Count);
            foreach (var local in locals) body.Byte(1).Byte((int)local);
            bytes.Name(new TextCode(this, _types, body, names).Body(items[start..]));
        });
    }

    internal uint IndexOf(string space, TextNode node)
    {
        if (space == "data") _namesData = true;
        return Index(space, node);
    }
}
