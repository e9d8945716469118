using System.Globalization;
using System.Text;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Models;

/// <summary>
/// What llama.cpp loads of a file and then ends the process of, or computes no numbers with, once it is asked for
/// something. Each is a sentence's part for AR4010; null for nothing. Stateless.
/// </summary>
internal static class ModelFaults
{
    // llama.h, llama_vocab_type.
    private const int NoVocabulary = 0;
    private const int SentencePieces = 1;

    // ggml.h, ggml_type: whole numbers from GGML_TYPE_I8 on, and GGML_TYPE_F64.
    private const uint FirstWhole = 24;
    private const uint Double = 28;

    /// <summary>The one tensor of whole numbers that there is (llama.cpp: conversion/deepseek.py).</summary>
    private const string Experts = ".ffn_gate_tid2eid";

    private static readonly string[] Epsilons =
    [
        "attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "attention.group_norm_epsilon",
    ];

    /// <summary>What is wrong with a vocabulary, looked for before any text is read with it.</summary>
    public static string? OfVocabulary(nint vocab)
    {
        var type = Llama.VocabType(vocab);
        if (type == NoVocabulary) return "it has no vocabulary";
        if (Llama.VocabAddBos(vocab) != 0 && Llama.VocabBos(vocab) < 0)
            return "its texts begin with a token that it does not have";
        if (Llama.VocabAddEos(vocab) != 0 && Llama.VocabEos(vocab) < 0)
            return "its texts end with a token that it does not have";
        return type == SentencePieces && !HasBytes(vocab)
            ? "its vocabulary lacks tokens for bytes, of which it makes the characters that it does not know"
            : null;
    }

    /// <summary>What is wrong with the numbers in a file's metadata.</summary>
    /// <param name="metadata">Gives a value as text; null when it is absent.</param>
    public static string? OfNumbers(Func<string, string?> metadata)
    {
        var architecture = metadata("general.architecture");
        foreach (var name in Epsilons)
            if (metadata($"{architecture}.{name}") is { } text && Number(text) is not >= 0)
                return $"its {name} is {text}";
        return metadata($"{architecture}.rope.freq_base") is { } given && Number(given) is not > 0
            ? $"its rope.freq_base is {given}"
            : null;
    }

    /// <summary>What is wrong with weights: nothing is computed with whole numbers.</summary>
    public static string? OfTensors(IReadOnlyList<GgufTensor> tensors) =>
        tensors.FirstOrDefault(t => t.Type is >= FirstWhole and <= Double
            && !t.Name.Contains(Experts, StringComparison.Ordinal)) is { } tensor
            ? $"its tensor '{tensor.Name}' has a type that nothing is computed with"
            : null;

    /// <summary>What is wrong with an adapter's weights beside those of its model, which they are added to.</summary>
    public static string? OfAdapter(IReadOnlyList<GgufTensor> adapter, IReadOnlyList<GgufTensor> model)
    {
        if (OfTensors(adapter) is { } fault) return fault;
        var matrices = model.DistinctBy(t => t.Name).ToDictionary(t => t.Name, t => t.Matrices);
        return adapter.FirstOrDefault(t => t.Name.LastIndexOf(".lora_", StringComparison.Ordinal) is > 0 and var end
            && matrices.TryGetValue(t.Name[..end], out var most) && t.Matrices != most) is { } tensor
            ? $"its tensor '{tensor.Name}' has another number of matrices than the model's"
            : null;
    }

    private static bool HasBytes(nint vocab)
    {
        var texts = Enumerable.Range(0, Llama.VocabSize(vocab))
            .Select(token => Encoding.Latin1.GetString(Llama.VocabText(vocab, token)))
            .ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(0, 256).All(value =>
            texts.Contains(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"))
            || texts.Contains(((char)value).ToString()));
    }

    /// <summary>A number that is finite; null for none.</summary>
    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && double.IsFinite(number) ? number : null;
}
