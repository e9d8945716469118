using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// The tokens of a <c>tokenizer.json</c> with a byte-pair model (huggingface/tokenizers; the vocabularies of GPT-2,
/// Llama, Qwen, Mistral, Gemma, DeepSeek, Phi and gpt-oss). The file comes from an engine: everything in it is bounded,
/// and what is not understood is refused instead of guessed. Thread-safe.
/// </summary>
internal sealed class HuggingFaceTokenizer
{
    private static readonly JsonDocumentOptions Bounds = new() { MaxDepth = 32 };

    private readonly Normalizer _normalizer;
    private readonly PreTokenizer _preTokenizer;
    private readonly BytePairModel _model;
    private readonly AddedTokenFinder _raw;
    private readonly AddedTokenFinder _normalized;
    private readonly Dictionary<int, AddedToken> _added;
    private readonly string?[] _texts;
    private readonly byte[]?[] _bytes;
    private readonly int[] _before;
    private readonly int[] _after;

    private HuggingFaceTokenizer(JsonElement json)
    {
        _normalizer = Normalizer.Read(Member(json, "normalizer"));
        _preTokenizer = PreTokenizer.Read(Member(json, "pre_tokenizer"));
        _model = BytePairModel.Read(Member(json, "model"));
        var decoder = TokenDecoder.Read(Member(json, "decoder"));
        _added = Json.Child(json, "added_tokens") is { ValueKind: JsonValueKind.Array } added
            ? added.EnumerateArray().Select(AddedToken.Read).DistinctBy(t => t.Id).ToDictionary(t => t.Id)
            : [];
        if (_added.Keys.Any(id => id is < 0 or >= BytePairModel.MostTokens))
            throw new InvalidDataException("an added token is out of range");
        _raw = new(_added.Values.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalized = new(_added.Values.Where(t => t.Normalized).Select(t => (_normalizer.Apply(t.Content), t)));
        (_before, _after) = PostProcessor.Read(Member(json, "post_processor"));

        var size = 1 + _model.Vocabulary.Values.Concat(_added.Keys).DefaultIfEmpty(-1).Max();
        _texts = new string?[size];
        _bytes = new byte[]?[size];
        foreach (var (text, id) in _model.Vocabulary)
            _texts[id] = text;
        foreach (var token in _added.Values)
            _texts[token.Id] = token.Content;
        for (var id = 0; id < size; id++)
            _bytes[id] = _texts[id] is { } text ? decoder.BytesOf(text) : null;
    }

    /// <summary>One more than the largest token.</summary>
    public int Size => _texts.Length;

    /// <summary>The tokens that control the model, as they are spelled.</summary>
    public IEnumerable<string> ControlTexts => _added.Values.Where(t => t.Special).Select(t => t.Content);

    /// <exception cref="InvalidDataException">The file is not one that can be used; says why.</exception>
    public static HuggingFaceTokenizer Read(ReadOnlyMemory<byte> file)
    {
        try
        {
            using var json = JsonDocument.Parse(file, Bounds);
            return new(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
            throw new InvalidDataException("tokenizer.json is not what it must be", e);
        }
    }

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecial">Whether the tokens that begin and end an input are put around it.</param>
    /// <exception cref="InvalidDataException">A pattern of the file takes too long on it.</exception>
    public List<int> Encode(string text, bool addSpecial)
    {
        var tokens = new List<int>((text.Length / 3) + 8);
        if (addSpecial)
            tokens.AddRange(_before);
        _raw.Split(new(text, 0, text.Length, BeginsInput: true), (piece, token) =>
        {
            if (token is not null)
                tokens.Add(token.Id);
            else
                _normalized.Split(piece.With(_normalizer.Apply(piece.ToString())), (part, inner) =>
                {
                    if (inner is not null)
                        tokens.Add(inner.Id);
                    else
                        EncodeWords(part, tokens);
                });
        });
        if (addSpecial)
            tokens.AddRange(_after);
        return tokens;
    }

    /// <summary>The bytes that a token adds to a text, also those of a control token; empty for unknown ids.</summary>
    public ReadOnlyMemory<byte> BytesOf(int token) => (uint)token < (uint)_bytes.Length ? _bytes[token] : default;

    /// <summary>Whether a token controls the model and is not shown.</summary>
    public bool IsControl(int token) => _added.TryGetValue(token, out var added) && added.Special;

    /// <summary>The token that is spelled so; null when there is none.</summary>
    public int? TokenOf(string text) =>
        _added.Values.FirstOrDefault(t => t.Content == text)?.Id
        ?? (_model.Vocabulary.TryGetValue(text, out var id) ? id : null);

    private void EncodeWords(TextPiece text, List<int> tokens)
    {
        foreach (var word in _preTokenizer.Split(text))
            _model.Encode(word.Span, _preTokenizer.ByteLevel, tokens);
    }

    private static JsonElement Member(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value : default;
}
