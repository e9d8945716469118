using System.Text;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Tests.Grammar;

namespace AgentRuntime.Node.Tests;

/// <summary>
/// A vocabulary of bytes in which no token is <c>&lt;tool_call&gt;</c>, and some hold its end and more, or several
/// characters of JSON, or the end of one character and the beginning of another: what samplers are tested with, without
/// a model.
/// </summary>
internal sealed class OddVocabulary : IDisposable
{
    private static readonly byte[][] Odd =
    [
        .. new[]
        {
            ">!", ">{", "l>\n", "[[", "[[[[", "]]", "]}", "{\"", "\":", "\": ", "\",\"", "\"}", "\"]", ",\"", "a\"",
            "\\u00", "00", "12", "-1", ".5", "e+", " null", "true", "é", "漢字", "\U0001F600", "ab", "bc",
            "abc", "cab",
        }.Select(Encoding.UTF8.GetBytes),
        "漢"u8[..2].ToArray(), [.. "漢"u8[1..], .. "字"u8[..1]], [.. "é"u8[1..], (byte)'"'],
    ];

    /// <param name="controls">Control tokens besides ChatML's.</param>
    public OddVocabulary(params string[] controls)
    {
        DemoNode.LoadLibrary();
        Model = LoadedModel.LoadVocabulary(DemoNode.WriteFile("odd.gguf", path => Write(path, controls)));
    }

    public LoadedModel Model { get; }

    /// <summary>Bytes of its longest token.</summary>
    public int Longest => Enumerable.Range(0, Model.VocabularySize).Max(t => Model.Piece(t).Length);

    /// <summary>The token of a text.</summary>
    public int Token(string text) => Enumerable.Range(0, Model.VocabularySize).First(t => Model.TokenText(t) == text);

    /// <summary>Makes a sampler that takes the most likely token of those that the options leave.</summary>
    public TokenSampler? Sampler(SamplingOptions options, params int[] prompt) =>
        TokenSampler.Create(new(prompt, 100, options with { Temperature = 0 }), Model);

    /// <summary>Chooses where one token is likely and others less and less so.</summary>
    public int Sample(TokenSampler sampler, params int[] likely)
    {
        var logits = new float[Model.VocabularySize];
        for (var i = 0; i < likely.Length; i++) logits[likely[i]] = 10 - i;
        return sampler.Sample(logits, new LlamaTokenData[logits.Length]);
    }

    /// <summary>Whether a text can be written by a grammar, and ended then.</summary>
    public bool Accepts(OutputGrammar grammar, string text)
    {
        using var sampler = Sampler(new() { Grammar = grammar })!;
        var bytes = Encoding.UTF8.GetBytes(text);
        var accepts = bytes.All(b => Sample(sampler, b) == b) && Sample(sampler, Model.Eos) == Model.Eos;
        if (!grammar.HoldsFromStart) return accepts;

        using var theirs = new LlamaGrammar(Model, grammar);
        Assert.Equal(accepts, bytes.All(b => theirs.Accept(b)) && theirs.Accept(Model.Eos));
        return accepts;
    }

    public void Dispose() => Model.Dispose();

    private static void Write(string path, string[] controls)
    {
        var vocabulary = new ByteVocabulary(1000, controls);
        for (var i = 0; i < Odd.Length; i++)
        {
            vocabulary.Tokens[vocabulary.FirstControl - 1 - i] =
                string.Concat(Odd[i].Select(b => ByteVocabulary.ByteSymbol(b)));
        }

        var gguf = new GgufWriter();
        gguf.Add("general.architecture", "llama");
        vocabulary.Describe(gguf);
        using var file = File.Create(path);
        gguf.Write(file);
    }
}
