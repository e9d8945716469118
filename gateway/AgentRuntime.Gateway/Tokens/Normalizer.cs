using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// The normalizers of a tokenizer file (huggingface/tokenizers: tokenizers/src/normalizers) that byte-pair vocabularies
/// use. Immutable.
/// </summary>
internal sealed class Normalizer
{
    private readonly List<Func<string, string>> _steps = [];

    /// <exception cref="InvalidDataException">A normalizer is not known.</exception>
    public static Normalizer Read(JsonElement json)
    {
        var result = new Normalizer();
        result.Add(json);
        return result;
    }

    public string Apply(string text)
    {
        foreach (var step in _steps)
            text = step(text);
        return text;
    }

    private void Add(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return;
        switch (Json.Text(json, "type"))
        {
            case "Sequence":
                foreach (var step in json.GetProperty("normalizers"u8).EnumerateArray())
                    Add(step);
                break;
            case "NFC":
                _steps.Add(CanonicalForm.Compose);
                break;
            case "NFD":
                _steps.Add(CanonicalForm.Decompose);
                break;
            case "Lowercase":
                _steps.Add(text => text.ToLowerInvariant());
                break;
            case "Prepend":
                var before = json.GetProperty("prepend"u8).GetString()!;
                _steps.Add(text => text.Length == 0 ? text : before + text);
                break;
            case "Replace":
                var pattern = SplitPattern.Read(json.GetProperty("pattern"u8));
                var content = json.GetProperty("content"u8).GetString()!;
                _steps.Add(text => pattern.Replace(text, content));
                break;
            case "Strip":
                var (left, right) = (Json.Flag(json, "strip_left", true), Json.Flag(json, "strip_right", true));
                _steps.Add(text =>
                {
                    text = left ? text.TrimStart() : text;
                    return right ? text.TrimEnd() : text;
                });
                break;
            case var other:
                throw new InvalidDataException($"the normalizer {other} is not known");
        }
    }
}
