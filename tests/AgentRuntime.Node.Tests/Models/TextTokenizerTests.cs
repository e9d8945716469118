using System.Text;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Models;

public sealed class TextTokenizerTests
{
    private const int Control = 3;
    private const int UserDefined = 4;

    /// <summary>Ways to cut texts into words: some written by hand in llama.cpp, some of std::regex.</summary>
    public static TheoryData<string> Words =>
        new("gpt-2", "qwen2", "llama-bpe", "deepseek-llm", "deepseek-v3", "tekken", "gpt-4o", "falcon", "bloom");

    [Theory]
    [MemberData(nameof(Words))]
    public void A_word_without_an_end_does_not_end_the_process(string words)
    {
        using var model = Model(words);
        foreach (var word in (string[])["a", "A", " ", "!", "\n", "7", "é", "中", "a ", "\U0001F600"])
        {
            var text = string.Concat(Enumerable.Repeat(word, 50_000));
            Assert.Equal(text, Text(model, model.Tokenize(text, addSpecial: false, parseSpecial: true)));
        }
    }

    [Theory]
    [MemberData(nameof(Words))]
    public void A_long_text_has_the_tokens_that_it_has_when_it_is_read_at_once(string words)
    {
        using var model = Model(words);
        var random = new Random(20261130);
        string[] pieces =
        [
            " the", " order", "river", " ", "  ", "\n", "\n\n", "\r\n", "\t", "7", "1234", "!", " ?!\n", "...", "é",
            "中文", "。", "<|im_end|>", "<|im_start|>", "<|im_end|><|im_end|>", "<|im_", "==", "===", "\u3000", "'s",
            "don't", "\U0001F600",
        ];
        // Without tokens that are spelled out a text is long between them.
        var plain = Array.FindAll(pieces, p => !p.StartsWith('<') && !p.StartsWith('='));
        for (var i = 0; i < 8; i++)
        {
            var its = i % 2 == 0 ? pieces : plain;
            var text = string.Concat(Enumerable.Range(0, 3000).Select(_ => its[random.Next(its.Length)]));
            foreach (var parse in (bool[])[true, false])
                Assert.Equal(AtOnce(model, text, parse), model.Tokenize(text, addSpecial: true, parse));
        }
    }

    [Fact]
    public async Task Control_tokens_by_the_hundred_thousand_take_no_more_time_than_they_are_long()
    {
        using var model = Model("qwen2");
        foreach (var text in (string[])["<|im_end|>", "<|im_end|>x", "=", "<|im_start|>==a<|im_end|>"])
        {
            var many = string.Concat(Enumerable.Repeat(text, 250_000));
            var tokens = await Task.Run(() => model.Tokenize(many, addSpecial: false, parseSpecial: true))
                .WaitAsync(TimeSpan.FromMinutes(1));
            Assert.Equal(many, Text(model, tokens));
        }
    }

    [Fact]
    public void A_text_has_no_fewer_tokens_than_its_length_says()
    {
        using var model = Model("qwen2");
        foreach (var text in (string[])["", "x", " the", "<|im_end|>", "<|endoftext|>", "é", "\U0001F600"])
        {
            var many = string.Concat(Enumerable.Repeat(text, 1000));
            Assert.InRange(model.LeastTokens(many), many.Length / 100, model.Tokenize(many, true, true).Length);
        }
    }

    /// <summary>
    /// A vocabulary in which users defined two tokens, of which one is the beginning of the other; and in which two
    /// line ends or spaces are one token where they are one word.
    /// </summary>
    private static LoadedModel Model(string words)
    {
        DemoNode.LoadLibrary();
        return LoadedModel.LoadVocabulary(DemoNode.WriteFile("words.gguf", path =>
        {
            var vocabulary = new ByteVocabulary(1000);
            vocabulary.Tokens[vocabulary.FirstControl - 1] = "==";
            vocabulary.Tokens[vocabulary.FirstControl - 2] = "<|im_";
            foreach (var (place, space) in (IEnumerable<(int, char)>)[(3, '\n'), (4, ' ')])
            {
                var symbol = ByteVocabulary.ByteSymbol(space);
                vocabulary.Tokens[vocabulary.FirstControl - place] = $"{symbol}{symbol}";
                vocabulary.Merges.Add($"{symbol} {symbol}");
            }

            var gguf = new GgufWriter();
            gguf.Add("general.architecture", "llama");
            vocabulary.Describe(gguf, words, token => token >= vocabulary.FirstControl ? Control
                : token >= vocabulary.FirstControl - 2 ? UserDefined : 1);
            using var file = File.Create(path);
            gguf.Write(file);
        }));
    }

    private static string Text(LoadedModel model, int[] tokens)
    {
        var bytes = new MemoryStream();
        foreach (var token in tokens)
        {
            var piece = model.Piece(token);
            bytes.Write(piece.IsEmpty ? Encoding.UTF8.GetBytes(model.TokenText(token)) : piece);
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static unsafe int[] AtOnce(LoadedModel model, string text, bool parseSpecial)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var tokens = new int[bytes.Length + 8];
        fixed (byte* source = bytes)
        fixed (int* target = tokens)
        {
            var count = Llama.Tokenize(
                model.Vocabulary, source, bytes.Length, target, tokens.Length, 1, parseSpecial ? (byte)1 : (byte)0);
            return tokens[..count];
        }
    }
}
