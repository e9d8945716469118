using System.Text;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Models;

/// <summary>
/// Text to tokens with llama.cpp, of which a long text is given piece by piece: what it cuts a text into words with
/// (std::regex) calls itself for each character of a word, so that one of 30,000 would overflow the stack and end the
/// process; and what finds control tokens takes time that grows with the square of their number. Immutable and
/// thread-safe.
/// </summary>
internal sealed unsafe class TextTokenizer
{
    /// <summary>
    /// The most bytes that are read as they are. About 300 bytes of stack are taken for each, of the 1.5 MiB that the
    /// smallest thread has.
    /// </summary>
    private const int MostAtOnce = 4096;

    /// <summary>
    /// Tokens of a text's beginning that are given up where it is cut off: more than a word has, so that what follows
    /// is read as it would have been.
    /// </summary>
    private const int EdgeTokens = 64;

    /// <summary>llama.h: LLAMA_VOCAB_TYPE_BPE, the one that cuts texts into words.</summary>
    private const int BytePairs = 2;

    private readonly nint _vocab;
    private readonly bool _hasWords;
    private readonly SpelledTokens _spelled;
    private readonly int[] _before;
    private readonly int[] _after;
    private readonly int _longest;

    /// <param name="vocab">The native vocabulary, which is not of the type "none".</param>
    /// <param name="size">How many tokens it has.</param>
    /// <param name="keepsBytes">Whether the tokens of a text have all its bytes.</param>
    public TextTokenizer(nint vocab, int size, bool keepsBytes)
    {
        _vocab = vocab;
        _hasWords = Llama.VocabType(vocab) == BytePairs;
        _spelled = new(vocab, size);
        var around = Read([], addSpecial: true, parseSpecial: false);
        var before = around.Length == 2 || (around.Length == 1 && Llama.VocabAddBos(vocab) != 0) ? 1 : 0;
        (_before, _after) = (around[..before], around[before..]);
        // As the file spells them they are no shorter than what they stand for.
        _longest = keepsBytes && !_spelled.TakesSpace
            ? Enumerable.Range(0, size).Select(token => Llama.VocabText(vocab, token).Length).DefaultIfEmpty().Max()
            : int.MaxValue;
    }

    /// <summary>The least tokens of a text of this length; 0 where the vocabulary says nothing of it.</summary>
    public int LeastTokens(string text) => text.Length / Math.Max(1, _longest);

    /// <summary>
    /// The end of a text with at least so many tokens and <see cref="EdgeTokens"/> before them, which may be others
    /// than those of the whole text: a word is cut there. The text itself where that is no shorter.
    /// </summary>
    public string EndOf(string text, int tokens)
    {
        var length = (Math.Max(0L, tokens) + EdgeTokens) * _longest;
        if (length >= text.Length) return text;
        var at = text.Length - (int)length;
        return text[(char.IsLowSurrogate(text[at]) ? at - 1 : at)..];
    }

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">Any text; what is not Unicode in it becomes U+FFFD.</param>
    /// <param name="addSpecial">Adds what the model wants before and after a text.</param>
    /// <param name="parseSpecial">Recognizes control tokens in it.</param>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length <= MostAtOnce) return Read(bytes, addSpecial, parseSpecial);
        var tokens = new List<int>(bytes.Length / 2);
        if (addSpecial) tokens.AddRange(_before);
        foreach (var part in _spelled.Split(bytes, parseSpecial))
        {
            if (part.Token != SpelledTokens.None) tokens.Add(part.Token);
            else Add(bytes.AsSpan(part.From, part.To - part.From), tokens);
        }

        if (addSpecial) tokens.AddRange(_after);
        return [.. tokens];
    }

    /// <summary>Reads a text in which no token is spelled out.</summary>
    private void Add(ReadOnlySpan<byte> text, List<int> tokens)
    {
        while (text.Length > 0)
        {
            var length = _hasWords && text.Length > MostAtOnce ? WordsEnd(text[..(MostAtOnce + 1)]) : text.Length;
            tokens.AddRange(Read(text[..length], addSpecial: false, parseSpecial: false));
            text = text[length..];
        }
    }

    /// <summary>
    /// Where to cut a text so that no word is cut, whatever a model takes for one: behind the last line's end that is
    /// the only white space between two characters (of several the last one is a word of its own, unless nothing comes
    /// behind), else before the last space behind a character. A text without either is one word, cut at its end.
    /// </summary>
    private static int WordsEnd(ReadOnlySpan<byte> text)
    {
        var word = 0;
        var end = 0;
        for (var at = text.Length - 1; at > 0; at--)
        {
            if ((text[at] & 0xC0) == 0x80) continue; // within a character
            if (end == 0) end = at;
            if (text[at - 1] == '\n' && !StartsWithSpace(text[at..]) && !EndsWithSpace(text[..(at - 1)])) return at;
            if (word == 0 && text[at] == ' ' && !EndsWithSpace(text[..at])) word = at;
        }

        return word > 0 ? word : end;
    }

    private static bool StartsWithSpace(ReadOnlySpan<byte> text)
    {
        _ = Rune.DecodeFromUtf8(text, out var rune, out _);
        return Rune.IsWhiteSpace(rune);
    }

    private static bool EndsWithSpace(ReadOnlySpan<byte> text)
    {
        _ = Rune.DecodeLastFromUtf8(text, out var rune, out _);
        return Rune.IsWhiteSpace(rune);
    }

    private int[] Read(ReadOnlySpan<byte> text, bool addSpecial, bool parseSpecial)
    {
        var tokens = new int[text.Length + 8];
        var count = Read(text, tokens, addSpecial, parseSpecial);
        if (count < 0)
        {
            // More tokens than bytes, where a space is a character that the vocabulary lacks.
            tokens = new int[-count];
            count = Read(text, tokens, addSpecial, parseSpecial);
        }

        return count < 0 ? throw new InvalidOperationException("llama.cpp does not read a text") : tokens[..count];
    }

    private int Read(ReadOnlySpan<byte> text, int[] tokens, bool addSpecial, bool parseSpecial)
    {
        // A pointer to an empty span is null, which the native side does not read when the length is zero.
        fixed (byte* source = text)
        fixed (int* target = tokens)
        {
            return Llama.Tokenize(
                _vocab, source, text.Length, target, tokens.Length, addSpecial ? (byte)1 : (byte)0,
                parseSpecial ? (byte)1 : (byte)0);
        }
    }
}
