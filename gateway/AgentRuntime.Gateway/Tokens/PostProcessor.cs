using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// The post-processors of a tokenizer file (huggingface/tokenizers: tokenizers/src/processors), as far as they concern
/// one text: the tokens before and after it. Stateless.
/// </summary>
internal static class PostProcessor
{
    private const int Most = 16;

    /// <exception cref="InvalidDataException">A post-processor is not known.</exception>
    public static (int[] Before, int[] After) Read(JsonElement json)
    {
        List<int> before = [], after = [];
        Add(json, before, after);
        return before.Count + after.Count > Most
            ? throw new InvalidDataException("too many tokens are put around a text")
            : ([.. before], [.. after]);
    }

    private static void Add(JsonElement json, List<int> before, List<int> after)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return;
        switch (Json.Text(json, "type"))
        {
            case "Sequence":
                foreach (var step in json.GetProperty("processors"u8).EnumerateArray())
                    Add(step, before, after);
                break;
            case "ByteLevel":
                break; // it changes offsets only
            case "TemplateProcessing":
                Template(json, before, after);
                break;
            case "RobertaProcessing" or "BertProcessing":
                before.Insert(0, json.GetProperty("cls"u8)[1].GetInt32());
                after.Add(json.GetProperty("sep"u8)[1].GetInt32());
                break;
            case var other:
                throw new InvalidDataException($"the post-processor {other} is not known");
        }
    }

    private static void Template(JsonElement json, List<int> before, List<int> after)
    {
        List<int> first = [];
        var target = first;
        foreach (var part in json.GetProperty("single"u8).EnumerateArray())
        {
            if (part.TryGetProperty("Sequence"u8, out _))
            {
                target = after;
                continue;
            }

            var name = part.GetProperty("SpecialToken"u8).GetProperty("id"u8).GetString()!;
            target.AddRange(json.GetProperty("special_tokens"u8).GetProperty(name).GetProperty("ids"u8)
                .EnumerateArray().Select(id => id.GetInt32()));
        }

        before.InsertRange(0, first);
    }
}
