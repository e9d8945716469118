using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Models;

/// <summary>
/// A byte-level BPE vocabulary (GPT-2's form) over a fixed word list: all 256 bytes, so that any UTF-8 text
/// round-trips, and a merge chain for each word, so that random tokens read as words.
/// </summary>
internal sealed class ByteVocabulary
{
    private const string Words =
        " the of and to in is that for it as was with be by on not he his but at are this have from or had an they" +
        " which one you were all her she there would their we him been has when who will no more if out so up said" +
        " what its about than into them can only other time new some could these two may first then do any like my" +
        " now over such our man me even most made after also did many off before must well back through years much" +
        " where your way down should because long each just state those people too how little good very make world" +
        " still see own men work here life both between being under never day same another know while last might" +
        " great old year come since go against right take three order ticket refund parcel please thank hello name" +
        " late soon morning paper river green small quiet letter open answer table water stone bright evening";

    /// <summary>Ends a turn, and with it the generation.</summary>
    public const string EndOfTurn = "<|im_end|>";

    /// <param name="leastTokens">Entries to fill up to, with tokens that no text is made of.</param>
    /// <param name="controls">Control tokens besides its own, which come last.</param>
    public ByteVocabulary(int leastTokens = 0, IReadOnlyList<string>? controls = null)
    {
        controls ??= [];
        for (var b = 0; b < 256; b++) Tokens.Add(ByteSymbol(b).ToString());
        var known = new HashSet<string>(Tokens);
        foreach (var word in Words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Merge(Encode(" " + word), known);
        for (var i = 0; Tokens.Count < leastTokens - 3 - controls.Count; i++)
            Tokens.Add(Encode(string.Create(CultureInfo.InvariantCulture, $" _{i}")));
        FirstControl = Tokens.Count;
        Tokens.AddRange(["<|endoftext|>", "<|im_start|>", EndOfTurn, .. controls]);
    }

    public List<string> Tokens { get; } = [];

    public List<string> Merges { get; } = [];

    /// <summary>Ids of tokens that are whole words.</summary>
    public HashSet<int> WholeWords { get; } = [];

    /// <summary>The id of <c>&lt;|endoftext|&gt;</c>; the other control tokens follow.</summary>
    public int FirstControl { get; }

    /// <summary>Adds the metadata that llama.cpp makes a tokenizer of.</summary>
    /// <param name="gguf">Where to.</param>
    /// <param name="words">llama.cpp's name of how texts are cut into words.</param>
    /// <param name="kind">GGUF's type of a token; without it control tokens (3) and normal ones (1).</param>
    public void Describe(GgufWriter gguf, string words = "qwen2", Func<int, int>? kind = null)
    {
        kind ??= id => id >= FirstControl ? 3 : 1;
        gguf.Add("tokenizer.ggml.model", "gpt2");
        gguf.Add("tokenizer.ggml.pre", words);
        gguf.Add("tokenizer.ggml.tokens", Tokens);
        gguf.Add("tokenizer.ggml.token_type", Tokens.Select((_, id) => kind(id)).ToArray());
        gguf.Add("tokenizer.ggml.merges", Merges);
        gguf.Add("tokenizer.ggml.eos_token_id", (uint)Tokens.IndexOf(EndOfTurn));
        gguf.Add("tokenizer.ggml.padding_token_id", (uint)FirstControl);
        gguf.Add("tokenizer.ggml.add_bos_token", false);
    }

    /// <summary>GPT-2's printable stand-in for a byte (openai/gpt-2: encoder.py, bytes_to_unicode).</summary>
    public static char ByteSymbol(int value)
    {
        if (IsPrintable(value)) return (char)value;
        var shift = 0;
        for (var b = 0; b < value; b++)
            if (!IsPrintable(b))
                shift++;
        return (char)(256 + shift);
    }

    private static bool IsPrintable(int b) =>
        b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static string Encode(string text) =>
        string.Concat(Encoding.UTF8.GetBytes(text).Select(b => ByteSymbol(b)));

    private void Merge(string word, HashSet<string> known)
    {
        var left = word[..1];
        for (var i = 1; i < word.Length; i++)
        {
            var right = word[i].ToString();
            var whole = left + right;
            if (known.Add(whole))
            {
                Merges.Add($"{left} {right}");
                Tokens.Add(whole);
            }

            left = whole;
        }

        WholeWords.Add(Tokens.IndexOf(word));
    }
}
