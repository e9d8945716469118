using System.Text.Json;
using AgentRuntime.Gateway.Tokens;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>The files of a small byte-level model, as a Hugging Face repository has them.</summary>
internal static class TinyModel
{
    private static readonly string[] Merges =
        ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"];

    private static readonly string[] Added =
    [
        "<|im_start|>", "<|im_end|>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "<|start_header_id|>",
        "<|end_header_id|>", "<|eot_id|>",
    ];

    /// <summary>Writes the files into a folder.</summary>
    /// <param name="folder">Which.</param>
    /// <param name="template">The chat template; null for none.</param>
    public static void Write(string folder, string? template)
    {
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), Tokenizer());
        var config = new { bos_token = (string?)null, eos_token = new { content = "<|im_end|>" } };
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(config));
        if (template is not null)
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), template);
    }

    public static string Tokenizer()
    {
        var vocabulary = new Dictionary<string, int>();
        for (var b = 0; b < 256; b++)
            vocabulary.Add(ByteAlphabet.CharacterOf((byte)b).ToString(), vocabulary.Count);
        foreach (var merge in Merges)
            vocabulary.Add(merge.Replace(" ", "", StringComparison.Ordinal), vocabulary.Count);
        return JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = Added.Select((content, i) => new
            {
                id = vocabulary.Count + i, content, single_word = false, lstrip = false, rstrip = false,
                normalized = false, special = true,
            }),
            normalizer = new { type = "NFC" },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            post_processor = (object?)null,
            decoder = new { type = "ByteLevel" },
            model = new { type = "BPE", vocab = vocabulary, merges = Merges },
        });
    }
}
