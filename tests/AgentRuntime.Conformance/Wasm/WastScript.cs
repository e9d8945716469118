using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using AgentRuntime.Conformance.Wasm.Text;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>
/// Reads a test script as the suite's authors wrote it. Modules given as text are turned into binary ones here;
/// quoted text of modules that must be malformed is left alone, because no text parser of the product would read it.
/// </summary>
internal static class WastScript
{
    public static List<ScriptCommand> Read(string file)
    {
        var nodes = TextNode.Parse(File.ReadAllBytes(file));
        // A file without commands is one module.
        if (nodes.Exists(n => n.Head is "func" or "memory" or "table" or "type" or "data" or "import" or "export"))
            return [new ScriptCommand("module", nodes[0].Line) { Module = () => TextModule.Encode(nodes) }];
        return [.. nodes.Select(Command)];
    }

    private static ScriptCommand Command(TextNode node)
    {
        var items = node.Items ?? throw node.Error("not a command");
        var command = new ScriptCommand(node.Head ?? throw node.Error("not a command"), node.Line);
        switch (command.Type)
        {
            case "module":
                return command with { Name = items.Count > 1 && items[1].IsId ? items[1].Atom : null,
                    Module = Module(node, mayQuote: true) };
            case "register":
                return command with { RegisterAs = items[1].Name, Name = items.Count > 2 ? items[2].Atom : null };
            case "invoke" or "get":
                return command with { Type = "action", Action = Action(node) };
            case "assert_return":
                return command with { Action = Action(items[1]), Expected = [.. items.Skip(2).Select(Expected)] };
            case "assert_trap" when items[1].Head == "module":
                return command with { Type = "assert_uninstantiable", Module = Module(items[1], true),
                    Text = items[2].Name };
            case "assert_trap" or "assert_exhaustion":
                return command with { Action = Action(items[1]), Text = items[2].Name };
            default:
                return command with { Module = Module(items[1], command.Type != "assert_malformed"),
                    Text = items[2].Name };
        }
    }

    private static Func<byte[]>? Module(TextNode node, bool mayQuote)
    {
        var items = node.Items!;
        var at = items.Count > 1 && items[1].IsId ? 2 : 1;
        var form = at < items.Count ? items[at].Atom : null;
        if (form == "quote" && !mayQuote) return null;
        return form switch
        {
            "binary" => () => [.. items.Skip(at + 1).SelectMany(s => s.String!)],
            "quote" => () => Quoted([.. items.Skip(at + 1).SelectMany(s => (byte[])[.. s.String!, (byte)'\n'])]),
            _ => () => TextModule.Encode(items.Skip(at)),
        };
    }

    private static byte[] Quoted(byte[] text)
    {
        var nodes = TextNode.Parse(text);
        return TextModule.Encode(nodes is [{ Head: "module" } only] ? only.Items!.Skip(1) : nodes);
    }

    private static ScriptAction Action(TextNode node)
    {
        var items = node.Items!;
        var at = items[1].IsId ? 2 : 1;
        var module = at == 2 ? items[1].Atom : null;
        return new ScriptAction(node.Head == "invoke", module, items[at].Name,
            [.. items.Skip(at + 1).Select(Argument)]);
    }

    private static WasmValue Argument(TextNode node)
    {
        var items = node.Items!;
        switch (node.Head)
        {
            case "v128.const":
                var at = 1;
                return new WasmValue(MemoryMarshal.Read<Vector128<ulong>>(TextVectors.Bytes(items, ref at)));
            case "ref.null": return default;
            case "ref.extern": return WasmValue.FromI64((long)TextNumbers.Integer(items[1]) + 1);
            default: return WasmValue.FromI64((long)Scalar(node));
        }
    }

    private static ulong Scalar(TextNode node) => node.Head switch
    {
        "i32.const" => (uint)TextNumbers.Integer(node.Items![1]),
        "i64.const" => TextNumbers.Integer(node.Items![1]),
        "f32.const" => TextNumbers.Float32(node.Items![1]),
        "f64.const" => TextNumbers.Float64(node.Items![1]),
        _ => throw node.Error("not a constant"),
    };

    private static ExpectedValue Expected(TextNode node)
    {
        var items = node.Items!;
        switch (node.Head)
        {
            case "v128.const":
                return new ExpectedValue(TextVectors.LaneBits(items[1]),
                    [.. items.Skip(2).Select(l => Pattern(l) ?? (LanePattern.Exact, TextVectors.Lane(items[1], l)))]);
            case "ref.func": return new ExpectedValue(64, [(LanePattern.Exact, 1)]);
            case "ref.null" or "ref.extern":
                return new ExpectedValue(64, [(LanePattern.Exact, (ulong)Argument(node).AsI64())]);
            default:
                var bits = node.Head is "i32.const" or "f32.const" ? 32 : 64;
                return new ExpectedValue(bits, [Pattern(items[1]) ?? (LanePattern.Exact, Scalar(node))]);
        }
    }

    private static (LanePattern Pattern, ulong Bits)? Pattern(TextNode lane) => lane.Atom switch
    {
        "nan:canonical" => (LanePattern.CanonicalNan, 0),
        "nan:arithmetic" => (LanePattern.ArithmeticNan, 0),
        _ => null,
    };
}
