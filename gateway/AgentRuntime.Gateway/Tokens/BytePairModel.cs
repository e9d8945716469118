using System.Collections.Concurrent;
using System.Text.Json;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// A vocabulary whose words are made by merging pairs, lowest rank first and leftmost among equals
/// (huggingface/tokenizers: tokenizers/src/models/bpe/model.rs). Thread-safe.
/// </summary>
internal sealed class BytePairModel
{
    public const int MostTokens = 1 << 21;
    private const int MostMerges = 1 << 22;
    private const int MostKnownWords = 10_000;
    private const int LongestKnownWord = 64;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<long, PairMerge> _merges;
    private readonly ConcurrentDictionary<string, int[]> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _knownBySpan;
    private readonly bool _wordsFirst;
    private readonly bool _fuseUnknown;
    private readonly int? _unknown;
    private readonly int[]? _bytes;

    private BytePairModel(JsonElement json, Dictionary<string, int> vocabulary)
    {
        _vocabulary = vocabulary;
        _merges = ReadMerges(json, vocabulary);
        _knownBySpan = _known.GetAlternateLookup<ReadOnlySpan<char>>();
        _wordsFirst = Json.Flag(json, "ignore_merges");
        _fuseUnknown = Json.Flag(json, "fuse_unk");
        _unknown = Json.Text(json, "unk_token") is { } unknown && vocabulary.TryGetValue(unknown, out var id)
            ? id : null;
        if (Json.Flag(json, "byte_fallback"))
        {
            _bytes = [.. Enumerable.Range(0, 256).Select(b =>
                vocabulary.TryGetValue($"<0x{b:X2}>", out var token) ? token : -1)];
        }
    }

    public IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    /// <exception cref="InvalidDataException">It is no byte-pair model that can be used.</exception>
    public static BytePairModel Read(JsonElement json)
    {
        if (Json.Text(json, "type") is { } type && type != "BPE")
            throw new InvalidDataException($"the model {type} is not known");
        if (Json.Text(json, "continuing_subword_prefix") is { Length: > 0 }
            || Json.Text(json, "end_of_word_suffix") is { Length: > 0 })
            throw new InvalidDataException("marks within words are not known");
        if (!json.TryGetProperty("vocab"u8, out var tokens) || tokens.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("the model has no vocabulary");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var token in tokens.EnumerateObject())
        {
            var id = token.Value.GetInt32();
            if (id is < 0 or >= MostTokens || vocabulary.Count >= MostTokens)
                throw new InvalidDataException("the vocabulary is too large");
            vocabulary[token.Name] = id;
        }

        return new(json, vocabulary);
    }

    /// <summary>Adds the tokens of a word.</summary>
    /// <param name="word">The word.</param>
    /// <param name="asBytes">Whether the word goes in as the characters of its bytes.</param>
    /// <param name="tokens">Where they go.</param>
    public void Encode(ReadOnlySpan<char> word, bool asBytes, List<int> tokens)
    {
        var short0 = word.Length <= LongestKnownWord;
        if (short0 && _knownBySpan.TryGetValue(word, out var known))
        {
            tokens.AddRange(known.AsSpan());
            return;
        }

        var text = asBytes ? ByteAlphabet.Encode(word) : word.ToString();
        var from = tokens.Count;
        if (_wordsFirst && _vocabulary.TryGetValue(text, out var whole))
            tokens.Add(whole);
        else
            tokens.AddRange(PairMerging.Merge(Symbols(text), _merges));
        if (short0 && _known.Count < MostKnownWords)
            _known.TryAdd(word.ToString(), [.. tokens.Skip(from)]);
    }

    private List<int> Symbols(string text)
    {
        var symbols = new List<int>(text.Length);
        Span<byte> bytes = stackalloc byte[4];
        var afterUnknown = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (_vocabulary.TryGetValue(rune.ToString(), out var id))
            {
                symbols.Add(id);
                afterUnknown = false;
                continue;
            }

            var length = rune.EncodeToUtf8(bytes);
            if (_bytes is not null && AllKnown(bytes[..length]))
            {
                foreach (var b in bytes[..length])
                    symbols.Add(_bytes[b]);
                afterUnknown = false;
            }
            else if (_unknown is { } unknown && !(afterUnknown && _fuseUnknown))
            {
                symbols.Add(unknown);
                afterUnknown = true;
            }
        }

        return symbols;
    }

    private bool AllKnown(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (_bytes![b] < 0)
                return false;
        }

        return true;
    }

    private static Dictionary<long, PairMerge> ReadMerges(JsonElement json, Dictionary<string, int> vocabulary)
    {
        if (!json.TryGetProperty("merges"u8, out var list) || list.ValueKind != JsonValueKind.Array)
            throw new InvalidDataException("the model has no merges");
        if (list.GetArrayLength() > MostMerges)
            throw new InvalidDataException("the model has too many merges");
        var merges = new Dictionary<long, PairMerge>(list.GetArrayLength());
        var rank = 0;
        foreach (var merge in list.EnumerateArray())
        {
            // Older files write "a b", newer ones ["a", "b"], which can hold spaces.
            string left, right;
            if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
            {
                (left, right) = (merge[0].GetString()!, merge[1].GetString()!);
            }
            else
            {
                var line = merge.GetString() ?? "";
                var space = line.IndexOf(' ', StringComparison.Ordinal);
                if (space < 0)
                    throw new InvalidDataException("a merge is no pair");
                (left, right) = (line[..space], line[(space + 1)..]);
            }

            if (!vocabulary.TryGetValue(left, out var a) || !vocabulary.TryGetValue(right, out var b)
                || !vocabulary.TryGetValue(left + right, out var result))
                throw new InvalidDataException("a merge is of tokens that the vocabulary does not have");
            merges[PairMerge.Key(a, b)] = new(rank++, result);
        }

        return merges;
    }
}
