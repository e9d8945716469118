using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.Json;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>Reads the JSON that wabt's wast2json writes.</summary>
internal static class JsonScript
{
    public static List<ScriptCommand> Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var folder = Path.GetDirectoryName(file)!;
        return [.. document.RootElement.GetProperty("commands").EnumerateArray().Select(c => Command(c, folder))];
    }

    private static ScriptCommand Command(JsonElement c, string folder)
    {
        var text = Text(c, "module_type") == "text";
        var filename = Text(c, "filename");
        return new ScriptCommand(Text(c, "type")!, c.GetProperty("line").GetInt32())
        {
            Name = Text(c, "name"),
            RegisterAs = Text(c, "as"),
            Module = text || filename is null ? null : () => File.ReadAllBytes(Path.Combine(folder, filename)),
            Text = Text(c, "text") ?? "",
            Action = c.TryGetProperty("action", out var action) ? Action(action) : null,
            Expected = c.TryGetProperty("expected", out var expected)
                ? [.. expected.EnumerateArray().Select(Expected)] : [],
        };
    }

    private static string? Text(JsonElement e, string name) => e.TryGetProperty(name, out var p) ? p.GetString() : null;

    private static ScriptAction Action(JsonElement a) => new(
        Text(a, "type") == "invoke", Text(a, "module"), Text(a, "field")!,
        a.TryGetProperty("args", out var args) ? [.. args.EnumerateArray().Select(Argument)] : []);

    private static int LaneBits(JsonElement v) => (Text(v, "lane_type") ?? Text(v, "type")) switch
    {
        "i8" => 8,
        "i16" => 16,
        "i32" or "f32" => 32,
        _ => 64,
    };

    private static WasmValue Argument(JsonElement v)
    {
        var lanes = Lanes(v);
        var bits = LaneBits(v);
        ulong low = 0, high = 0;
        for (var i = 0; i < lanes.Length; i++)
        {
            var at = i * bits;
            if (at < 64) low |= lanes[i].Bits << at;
            else high |= lanes[i].Bits << (at - 64);
        }

        return new WasmValue(Vector128.Create(low, high));
    }

    private static ExpectedValue Expected(JsonElement v) => new(LaneBits(v), Lanes(v));

    private static (LanePattern Pattern, ulong Bits)[] Lanes(JsonElement v)
    {
        var type = Text(v, "type");
        if (!v.TryGetProperty("value", out var value)) return [];
        if (type is "externref" or "funcref")
        {
            // As the engine packs references: null is 0, a host reference itself plus one.
            var text = value.GetString()!;
            return [(LanePattern.Exact, text == "null" ? 0 : ulong.Parse(text, CultureInfo.InvariantCulture) + 1)];
        }

        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(e => Lane(e.GetString()!, LaneBits(v)))]
            : [Lane(value.GetString()!, LaneBits(v))];
    }

    private static (LanePattern Pattern, ulong Bits) Lane(string text, int bits) => text switch
    {
        "nan:canonical" => (LanePattern.CanonicalNan, 0),
        "nan:arithmetic" => (LanePattern.ArithmeticNan, 0),
        _ when text[0] == '-' => (LanePattern.Exact, (ulong)long.Parse(text, CultureInfo.InvariantCulture)
            & (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1)),
        _ => (LanePattern.Exact, ulong.Parse(text, CultureInfo.InvariantCulture)),
    };
}
