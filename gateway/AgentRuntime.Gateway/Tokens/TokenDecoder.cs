using System.Globalization;
using System.Text;
using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// The decoders of a tokenizer file (huggingface/tokenizers: tokenizers/src/decoders), token by token: what each adds
/// to a text that has begun already. So the space that some decoders take from a text's very start stays, as it does
/// in engines, which decode an answer behind its prompt. Immutable.
/// </summary>
internal sealed class TokenDecoder
{
    private readonly List<Func<string, string>> _steps = [];
    private bool _byteLevel;
    private bool _byteFallback;

    /// <exception cref="InvalidDataException">A decoder is not known, or there is none.</exception>
    public static TokenDecoder Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("there is no decoder");
        var result = new TokenDecoder();
        result.Add(json);
        return result;
    }

    public byte[] BytesOf(string token)
    {
        if (_byteLevel)
            return ByteAlphabet.Decode(token) ?? Encoding.UTF8.GetBytes(token);
        // The order of the file's steps does not matter here: no step makes what another one looks for.
        if (_byteFallback && token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var value))
            return [value];
        foreach (var step in _steps)
            token = step(token);
        return Encoding.UTF8.GetBytes(token);
    }

    private void Add(JsonElement json)
    {
        switch (Json.Text(json, "type"))
        {
            case "Sequence":
                foreach (var step in json.GetProperty("decoders"u8).EnumerateArray())
                    Add(step);
                break;
            case "ByteLevel":
                _byteLevel = true;
                break;
            case "ByteFallback":
                _byteFallback = true;
                break;
            case "Replace":
                var pattern = SplitPattern.Read(json.GetProperty("pattern"u8));
                var content = json.GetProperty("content"u8).GetString()!;
                _steps.Add(token => pattern.Replace(token, content));
                break;
            case "Metaspace":
                var mark = Json.Text(json, "replacement") is { Length: > 0 } r ? r : "\u2581";
                _steps.Add(token => token.Replace(mark, " ", StringComparison.Ordinal));
                break;
            case "Fuse" or "Strip":
                break;
            case var other:
                throw new InvalidDataException($"the decoder {other} is not known");
        }
    }
}
