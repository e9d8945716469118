using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>Instructions, plain and folded, of one expression (WebAssembly 2.0 §6.5).</summary>
internal sealed class TextCode(TextModule module, TextTypes types, WasmBytes bytes, List<string?>? locals = null)
{
    private readonly List<string?> _labels = [];

    public byte[] Body(List<TextNode> nodes)
    {
        var at = 0;
        Sequence(nodes, ref at);
        if (at < nodes.Count) throw nodes[at].Error("unexpected");
        return bytes.Byte(0x0B).ToArray();
    }

    /// <summary>Up to the end of the nodes, or an <c>else</c> or <c>end</c> that belongs to the caller.</summary>
    private void Sequence(List<TextNode> nodes, ref int at)
    {
        while (at < nodes.Count && nodes[at].Atom is not ("else" or "end"))
        {
            if (nodes[at].Items is not null) Folded(nodes[at++]);
            else Plain(nodes, ref at);
        }
    }

    private void Plain(List<TextNode> nodes, ref int at)
    {
        var node = nodes[at++];
        if (node.Atom is not ("block" or "loop" or "if"))
        {
            Instruction(node, nodes, ref at);
            return;
        }

        Open(node.Atom, nodes, ref at);
        Sequence(nodes, ref at);
        if (at < nodes.Count && nodes[at].Atom == "else")
        {
            at++;
            Repeated(nodes, ref at);
            bytes.Byte(0x05);
            Sequence(nodes, ref at);
        }

        if (at >= nodes.Count) throw node.Error("end is missing");
        at++;
        Repeated(nodes, ref at);
        Close();
    }

    /// <summary>A label may be said again after <c>else</c> and <c>end</c>, and must be the same.</summary>
    private void Repeated(List<TextNode> nodes, ref int at)
    {
        if (at >= nodes.Count || !nodes[at].IsId) return;
        if (nodes[at].Atom != _labels[^1]) throw nodes[at].Error("mismatching label");
        at++;
    }

    private void Close()
    {
        bytes.Byte(0x0B);
        _labels.RemoveAt(_labels.Count - 1);
    }

    private void Open(string op, List<TextNode> nodes, ref int at)
    {
        var (label, type) = BlockHead(nodes, ref at);
        Open(op, label, type);
    }

    private void Open(string op, string? label, long type)
    {
        bytes.Byte(op switch { "block" => 0x02, "loop" => 0x03, _ => 0x04 }).Signed(type);
        _labels.Add(label);
    }

    private (string? Label, long Type) BlockHead(List<TextNode> nodes, ref int at)
    {
        var label = at < nodes.Count && nodes[at].IsId ? nodes[at++].Atom : null;
        if (at < nodes.Count && nodes[at].Head == "type") return (label, types.Use(nodes, ref at, null).Index);
        var signature = TextTypes.Signature(nodes, ref at, null);
        if (signature.Parameters.Length > 0 || signature.Results.Length > 1) return (label, types.IndexOf(signature));
        return (label, signature.Results.Length == 0 ? -64 : (long)signature.Results[0] - 128);
    }

    private void Folded(TextNode node)
    {
        var items = node.Items!;
        var at = 1;
        switch (node.Head)
        {
            case "block" or "loop":
                Open(node.Head, items, ref at);
                Sequence(items, ref at);
                Close();
                return;
            case "if":
                var (label, type) = BlockHead(items, ref at);
                for (; at < items.Count && items[at].Head != "then"; at++) Folded(items[at]);
                Open("if", label, type);
                if (at >= items.Count) throw node.Error("then is missing");
                Branch(items[at++]);
                if (at < items.Count)
                {
                    bytes.Byte(0x05);
                    Branch(items[at]);
                }

                Close();
                return;
        }

        // Operands stand after the immediates but come first: find where the immediates end by writing them aside.
        var aside = new TextCode(module, types, new WasmBytes(), locals);
        aside._labels.AddRange(_labels);
        aside.Instruction(items[0], items, ref at);
        for (; at < items.Count; at++)
            Folded(items[at].Items is null ? throw items[at].Error("unexpected") : items[at]);
        bytes.Raw(aside.Written);
    }

    private byte[] Written => bytes.ToArray();

    private void Branch(TextNode branch)
    {
        var at = 1;
        Sequence(branch.Items!, ref at);
    }

    private void Instruction(TextNode node, List<TextNode> nodes, ref int at)
    {
        if (node.Atom is null || !TextOpcodes.TryGet(node.Atom, out var opcode)) throw node.Error("unknown operator");
        if (opcode == 0x1B && at < nodes.Count && nodes[at].Head == "result")
        {
            var results = new List<WasmValueType>();
            for (; at < nodes.Count && nodes[at].Head == "result"; at++) TextTypes.Values(nodes[at], results, null);
            bytes.Byte(0x1C).Name([.. results.Select(r => (byte)r)]);
            return;
        }

        bytes.Opcode(opcode);
        switch (opcode)
        {
            case 0x0C or 0x0D: bytes.U32(Label(nodes[at++])); break;
            case 0x0E: BranchTable(nodes, ref at); break;
            case 0x10 or 0xD2: bytes.U32(module.IndexOf("func", nodes[at++])); break;
            case 0x11:
                var table = Optional("table", nodes, ref at);
                bytes.U32((uint)types.Use(nodes, ref at, null).Index).U32(table);
                break;
            case >= 0x20 and <= 0x22: bytes.U32(Local(nodes[at++])); break;
            case 0x23 or 0x24: bytes.U32(module.IndexOf("global", nodes[at++])); break;
            case 0x25 or 0x26 or (>= 0xFC0F and <= 0xFC11): bytes.U32(Optional("table", nodes, ref at)); break;
            case 0x3F or 0x40 or 0xFC0B: bytes.Byte(0); break;
            case 0xFC0A: bytes.Byte(0).Byte(0); break;
            case 0xFC08: bytes.U32(module.IndexOf("data", nodes[at++])).Byte(0); break;
            case 0xFC09: bytes.U32(module.IndexOf("data", nodes[at++])); break;
            case 0xFC0D: bytes.U32(module.IndexOf("elem", nodes[at++])); break;
            case 0xFC0C: TableInit(nodes, ref at); break;
            case 0xFC0E:
                var to = Optional("table", nodes, ref at);
                bytes.U32(to).U32(Optional("table", nodes, ref at));
                break;
            case 0x41: bytes.Signed((int)TextNumbers.Integer(nodes[at++])); break;
            case 0x42: bytes.Signed((long)TextNumbers.Integer(nodes[at++])); break;
            case 0x43: bytes.Fixed32(TextNumbers.Float32(nodes[at++])); break;
            case 0x44: bytes.Fixed64(TextNumbers.Float64(nodes[at++])); break;
            case 0xD0: bytes.Byte(nodes[at++].Atom == "func" ? 0x70 : 0x6F); break;
            case 0xFD0C: bytes.Raw(TextVectors.Bytes(nodes, ref at)); break;
            case 0xFD0D:
                for (var lane = 0; lane < 16; lane++) bytes.Byte((byte)TextNumbers.Integer(nodes[at++]));
                break;
            case >= 0xFD15 and <= 0xFD22: bytes.Byte((byte)TextNumbers.Integer(nodes[at++])); break;
            default:
                if (IsAccess(opcode)) Access(opcode, nodes, ref at);
                break;
        }
    }

    private static bool IsAccess(int opcode) =>
        opcode is (>= 0x28 and <= 0x3E) or (>= 0xFD00 and <= 0xFD0B) or (>= 0xFD54 and <= 0xFD5D);

    private static bool IsIndex(TextNode node) => node.IsId || (node.Atom is { } a && char.IsAsciiDigit(a[0]));

    private uint Optional(string space, List<TextNode> nodes, ref int at) =>
        at < nodes.Count && IsIndex(nodes[at]) ? module.IndexOf(space, nodes[at++]) : 0;

    private void TableInit(List<TextNode> nodes, ref int at)
    {
        // With two indices the table is the first; the binary has the segment first.
        var first = nodes[at++];
        var two = at < nodes.Count && IsIndex(nodes[at]);
        var element = two ? nodes[at++] : first;
        bytes.U32(module.IndexOf("elem", element)).U32(two ? module.IndexOf("table", first) : 0);
    }

    private void BranchTable(List<TextNode> nodes, ref int at)
    {
        var targets = new List<uint>();
        while (at < nodes.Count && IsIndex(nodes[at])) targets.Add(Label(nodes[at++]));
        bytes.U32((uint)targets.Count - 1);
        foreach (var target in targets) bytes.U32(target);
    }

    private uint Label(TextNode node)
    {
        if (!node.IsId) return (uint)TextNumbers.Integer(node);
        var index = _labels.LastIndexOf(node.Atom);
        return index >= 0 ? (uint)(_labels.Count - 1 - index) : throw node.Error("unknown label");
    }

    private uint Local(TextNode node)
    {
        if (!node.IsId) return (uint)TextNumbers.Integer(node);
        var index = locals?.IndexOf(node.Atom) ?? -1;
        return index >= 0 ? (uint)index : throw node.Error("unknown local");
    }

    private void Access(int opcode, List<TextNode> nodes, ref int at)
    {
        uint offset = 0;
        uint? align = null;
        for (; at < nodes.Count && nodes[at].Atom is { } atom; at++)
        {
            if (atom.StartsWith("offset=", StringComparison.Ordinal)) offset = Value(nodes[at], atom[7..]);
            else if (atom.StartsWith("align=", StringComparison.Ordinal)) align = Value(nodes[at], atom[6..]);
            else break;
        }

        var log2 = align is { } a ? System.Numerics.BitOperations.Log2(a) : NaturalAlignment(opcode);
        bytes.U32((uint)log2).U32(offset);
        if (opcode is >= 0xFD54 and <= 0xFD5B) bytes.Byte((byte)TextNumbers.Integer(nodes[at++]));
    }

    private static uint Value(TextNode node, string text) =>
        (uint)TextNumbers.Integer(new TextNode { Line = node.Line, Atom = text });

    private static int NaturalAlignment(int opcode) =>
        Sandboxes.Managed.Binary.OpcodeTable.ShapeOf((ushort)opcode).Log2;
}
