using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>The types of a module, explicit and implicit, and how the text names them.</summary>
internal sealed class TextTypes
{
    private readonly List<FunctionType> _types = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);

    public List<WasmBytes> Encoded => [.. _types.Select(t => new WasmBytes().Byte(0x60)
        .Name([.. t.Parameters.ToArray().Select(p => (byte)p)]).Name([.. t.Results.ToArray().Select(r => (byte)r)]))];

    public static WasmValueType Value(TextNode node) => node.Atom switch
    {
        "i32" => WasmValueType.I32,
        "i64" => WasmValueType.I64,
        "f32" => WasmValueType.F32,
        "f64" => WasmValueType.F64,
        "v128" => WasmValueType.V128,
        "funcref" => WasmValueType.FuncRef,
        "externref" => WasmValueType.ExternRef,
        _ => throw node.Error("not a type"),
    };

    public void Define(TextNode type)
    {
        var at = 1;
        if (type.Items![at].IsId) _names.Add(type.Items[at++].Atom!, _types.Count);
        var inner = 1;
        _types.Add(Signature(type.Items[at].Items!, ref inner, null));
    }

    public int Index(TextNode node) =>
        node.IsId ? (_names.TryGetValue(node.Atom!, out var index) ? index : throw node.Error("unknown type"))
            : (int)TextNumbers.Integer(node);

    public FunctionType? At(int index) => (uint)index < (uint)_types.Count ? _types[index] : null;

    public int IndexOf(FunctionType type)
    {
        var index = _types.IndexOf(type);
        if (index >= 0) return index;
        _types.Add(type);
        return _types.Count - 1;
    }

    /// <summary>A type use: <c>(type x)</c>, parameters and results, or both. Names of parameters go to the
    /// list.</summary>
    public (int Index, FunctionType Type) Use(List<TextNode> nodes, ref int at, List<string?>? parameterNames)
    {
        int? named = null;
        if (at < nodes.Count && nodes[at].Head == "type") named = Index(nodes[at++].Items![1]);
        var names = new List<string?>();
        var inline = Signature(nodes, ref at, names);
        var index = named ?? IndexOf(inline);
        var type = At(index) ?? inline;
        if (parameterNames is not null)
            for (var i = 0; i < type.Parameters.Length; i++) parameterNames.Add(i < names.Count ? names[i] : null);
        return (index, type);
    }

    public static FunctionType Signature(List<TextNode> nodes, ref int at, List<string?>? names)
    {
        var parameters = new List<WasmValueType>();
        var results = new List<WasmValueType>();
        for (; at < nodes.Count && nodes[at].Head == "param"; at++) Values(nodes[at], parameters, names);
        for (; at < nodes.Count && nodes[at].Head == "result"; at++) Values(nodes[at], results, null);
        return new FunctionType([.. parameters], [.. results]);
    }

    public static void Values(TextNode list, List<WasmValueType> into, List<string?>? names)
    {
        var items = list.Items!;
        if (items.Count == 3 && items[1].IsId)
        {
            into.Add(Value(items[2]));
            names?.Add(items[1].Atom);
            return;
        }

        for (var i = 1; i < items.Count; i++)
        {
            into.Add(Value(items[i]));
            names?.Add(null);
        }
    }
}
