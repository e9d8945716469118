using System.Text.Json.Nodes;

namespace AgentRuntime.Prompts.Tests.Jinja;

/// <summary>Conversations with and without tools, and values of all kinds, from a seed.</summary>
internal sealed class ConversationMaker(int seed)
{
    private static readonly string[] Words =
    [
        "hi", "  spaces  ", "line\nbreak\n", "ünï😀", "{{ x }}", "<think>a</think>b", "'q' \"d\"", "\\back", "",
        "<|im_end|>", "tab\t", "0", "日本",
    ];

    private static readonly double[] Reals = [0.5, 1e20, 1e-7, 3.14159, -2.5e16, 123456789.125];

    private readonly Random _random = new(seed);

    /// <summary>What a chat template is given.</summary>
    public JsonObject Next()
    {
        var messages = new JsonArray();
        if (Chance(0.5))
            messages.Add(Message("system", Text()));
        for (var turns = _random.Next(1, 5); turns > 0; turns--)
        {
            messages.Add(Message("user", Text()));
            if (Chance(0.4))
            {
                var caller = Message("assistant", Chance(0.3) ? null : Text());
                caller["tool_calls"] = new JsonArray([.. Enumerable.Range(0, _random.Next(1, 3)).Select(_ => Call())]);
                messages.Add(caller);
                var result = Message("tool", Text());
                result["tool_call_id"] = "abcdefghi";
                messages.Add(result);
            }

            if (Chance(0.8))
                messages.Add(Message("assistant", Text()));
        }

        var values = new JsonObject
        {
            ["messages"] = messages, ["add_generation_prompt"] = Chance(0.8), ["bos_token"] = "<s>",
            ["eos_token"] = "</s>",
        };
        if (Chance(0.6))
            values["tools"] = Chance(0.8)
                ? new JsonArray([.. Enumerable.Range(0, _random.Next(1, 3)).Select(_ => Tool())])
                : null;
        return values;
    }

    /// <summary>What a piece of the language is tried on.</summary>
    public JsonObject NextValues() => new()
    {
        ["a"] = _random.Next(3) switch { 0 => 3, 1 => 0, _ => -4 },
        ["b"] = Value(0),
        ["c"] = Chance(0.5),
        ["d"] = new JsonObject { ["k"] = Value(0), ["z"] = 1, ["B"] = Text() },
        ["l"] = new JsonArray([.. Enumerable.Range(0, _random.Next(5)).Select(_ => Value(0))]),
        ["s"] = Chance(0.5) ? Text() : "a b  c\nd",
        ["n"] = null,
        ["nums"] = new JsonArray([.. Enumerable.Range(0, 4).Select(_ => (JsonNode)_random.Next(6))]),
        ["ms"] = new JsonArray([.. Enumerable.Range(0, 3).Select(_ =>
            (JsonNode)Message(Chance(0.5) ? "user" : "assistant", Text()))]),
    };

    private static JsonObject Message(string role, string? content) => new() { ["role"] = role, ["content"] = content };

    private JsonObject Call()
    {
        var arguments = new JsonObject();
        foreach (var name in (string[])["city", "n", "x"])
        {
            if (Chance(0.5))
                arguments[name] = Value(0);
        }

        return new()
        {
            ["id"] = Chance(0.8) ? "abcdefghi" : "call_1", ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = "weather", ["arguments"] = arguments },
        };
    }

    private JsonObject Tool()
    {
        var properties = new JsonObject();
        foreach (var name in (string[])["city", "unit", "n"])
        {
            if (Chance(0.6))
            {
                properties[name] = new JsonObject
                {
                    ["type"] = Chance(0.8) ? "string" : new JsonArray("string", "null"), ["description"] = Text(),
                };
            }
        }

        return new()
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = "weather", ["description"] = Text(),
                ["parameters"] = new JsonObject { ["type"] = "object", ["properties"] = properties },
            },
        };
    }

    private JsonNode? Value(int depth) => _random.Next(7) switch
    {
        0 => _random.Next(-5, 100_000),
        1 => Reals[_random.Next(Reals.Length)],
        2 => Chance(0.3) ? null : Chance(0.5),
        3 when depth < 2 => new JsonArray([.. Enumerable.Range(0, _random.Next(4)).Select(_ => Value(depth + 1))]),
        4 when depth < 2 => new JsonObject { ["k" + _random.Next(3)] = Value(depth + 1), ["it's"] = Value(depth + 1) },
        _ => Text(),
    };

    private string Text() =>
        string.Concat(Enumerable.Range(0, _random.Next(5)).Select(_ => Words[_random.Next(Words.Length)]));

    private bool Chance(double probability) => _random.NextDouble() < probability;
}
