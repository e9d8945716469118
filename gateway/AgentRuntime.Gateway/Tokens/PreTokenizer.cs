using System.Text;
using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// The pre-tokenizers of a tokenizer file (huggingface/tokenizers: tokenizers/src/pre_tokenizers): they cut a text into
/// the words within which pairs are merged. Immutable.
/// </summary>
internal sealed class PreTokenizer
{
    /// <summary>What GPT-2 cuts by, when a ByteLevel pre-tokenizer says that it cuts.</summary>
    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly List<Action<TextPiece, List<TextPiece>>> _steps = [];

    /// <summary>Whether the words go to the model as the characters of their bytes.</summary>
    public bool ByteLevel { get; private set; }

    /// <exception cref="InvalidDataException">A pre-tokenizer is not known.</exception>
    public static PreTokenizer Read(JsonElement json)
    {
        var result = new PreTokenizer();
        result.Add(json);
        return result;
    }

    /// <summary>The words of a text, in order.</summary>
    public List<TextPiece> Split(TextPiece text)
    {
        List<TextPiece> pieces = [text], next = [];
        foreach (var step in _steps)
        {
            foreach (var piece in pieces)
                step(piece, next);
            (pieces, next) = (next, pieces);
            next.Clear();
        }

        return pieces;
    }

    private void Add(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            return;
        if (ByteLevel)
            throw new InvalidDataException("a pre-tokenizer comes after ByteLevel");
        switch (Json.Text(json, "type"))
        {
            case "Sequence":
                foreach (var step in json.GetProperty("pretokenizers"u8).EnumerateArray())
                    Add(step);
                break;
            case "Split":
                var pattern = SplitPattern.Read(json.GetProperty("pattern"u8));
                Cut(pattern, Behavior(json, null), Json.Flag(json, "invert"));
                break;
            case "ByteLevel":
                if (Json.Flag(json, "add_prefix_space", true))
                    Prefix(" ", onlyAtStart: false);
                if (Json.Flag(json, "use_regex", true))
                    Cut(SplitPattern.OfRegex(Gpt2Pattern), SplitBehavior.Isolated, invert: false);
                ByteLevel = true;
                break;
            case "Digits":
                Cut(SplitPattern.OfRegex(@"\p{N}"), Json.Flag(json, "individual_digits")
                    ? SplitBehavior.Isolated : SplitBehavior.Contiguous, invert: false);
                break;
            case "Punctuation":
                Cut(SplitPattern.OfRegex(@"[\p{P}$+<=>^`|~]"), Behavior(json, SplitBehavior.Isolated), invert: false);
                break;
            case "WhitespaceSplit":
                Cut(SplitPattern.OfRegex(@"\s"), SplitBehavior.Removed, invert: false);
                break;
            case "Whitespace":
                Cut(SplitPattern.OfRegex(@"\w+|[^\w\s]+"), SplitBehavior.Removed, invert: true);
                break;
            case "Metaspace":
                Metaspace(json);
                break;
            case var other:
                throw new InvalidDataException($"the pre-tokenizer {other} is not known");
        }
    }

    private void Metaspace(JsonElement json)
    {
        var mark = Json.Text(json, "replacement") is { Length: > 0 } r ? r : "\u2581";
        // Older files say add_prefix_space, newer ones prepend_scheme.
        var scheme = Json.Text(json, "prepend_scheme")
            ?? (Json.Flag(json, "add_prefix_space", true) ? "always" : "never");
        _steps.Add((piece, result) => result.Add(piece.With(piece.ToString().Replace(" ", mark,
            StringComparison.Ordinal))));
        if (scheme is "always" or "first")
            Prefix(mark, onlyAtStart: scheme == "first");
        if (Json.Flag(json, "split", true))
            Cut(SplitPattern.OfText(mark), SplitBehavior.MergedWithNext, invert: false);
    }

    private void Prefix(string mark, bool onlyAtStart) => _steps.Add((piece, result) =>
    {
        var wanted = (!onlyAtStart || piece.BeginsInput) && !piece.Span.StartsWith(mark, StringComparison.Ordinal);
        result.Add(wanted ? piece.With(new StringBuilder(mark).Append(piece.Span).ToString()) : piece);
    });

    private void Cut(SplitPattern pattern, SplitBehavior behavior, bool invert) =>
        _steps.Add((piece, result) => TextSplit.Split(piece, pattern.Matches(piece), behavior, invert, result));

    private static SplitBehavior Behavior(JsonElement json, SplitBehavior? otherwise) =>
        Enum.TryParse<SplitBehavior>(Json.Text(json, "behavior"), out var behavior) ? behavior
        : otherwise ?? throw new InvalidDataException("a split's behavior is not known");
}
