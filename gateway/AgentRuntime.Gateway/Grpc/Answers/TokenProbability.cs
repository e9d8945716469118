using System.Text;
using System.Text.Json;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>How likely a token and those beside it were. Immutable.</summary>
/// <param name="Token">The token that was chosen.</param>
/// <param name="LogProbability">Of it.</param>
/// <param name="Top">The most likely ones, as the engine tells them.</param>
internal sealed record TokenProbability(
    int Token, float LogProbability, IReadOnlyList<(int Token, float LogProbability)> Top)
{
    private static readonly TopLogProbs Nothing = new();

    public static IEnumerable<TokenProbability> Read(OutputLogProbs? probabilities)
    {
        for (var i = 0; i < (probabilities?.TokenIds.Count ?? 0); i++)
        {
            if (i >= probabilities!.TokenLogprobs.Count)
                break;
            var top = i < probabilities.TopLogprobs.Count ? probabilities.TopLogprobs[i] : Nothing;
            yield return new(
                unchecked((int)probabilities.TokenIds[i]), probabilities.TokenLogprobs[i],
                [.. top.TokenIds.Zip(top.Values).Select(p => (unchecked((int)p.First), p.Second))]);
        }
    }

    /// <summary>Writes a <c>logprobs</c> object of a chat.</summary>
    public static void WriteChat(
        Utf8JsonWriter json, IReadOnlyList<TokenProbability> tokens, EngineVocabulary vocabulary)
    {
        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("content"u8);
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.Token, token.LogProbability, vocabulary);
            json.WriteStartArray("top_logprobs"u8);
            foreach (var (other, probability) in token.Top)
            {
                json.WriteStartObject();
                WriteToken(json, other, probability, vocabulary);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes a <c>logprobs</c> object of a text completion.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="tokens">Which.</param>
    /// <param name="vocabulary">The engine's.</param>
    /// <param name="offset">Characters of the answer before them.</param>
    public static void WriteText(
        Utf8JsonWriter json, IReadOnlyList<TokenProbability> tokens, EngineVocabulary vocabulary, int offset)
    {
        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("tokens"u8);
        foreach (var token in tokens)
            json.WriteStringValue(TextOf(token.Token, vocabulary));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (var token in tokens)
            json.WriteNumberValue(Finite(token.LogProbability));
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            foreach (var (text, probability) in token.Top.Select(t => (TextOf(t.Token, vocabulary), t.LogProbability))
                .DistinctBy(t => t.Item1))
                json.WriteNumber(text, Finite(probability));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("text_offset"u8);
        foreach (var token in tokens)
        {
            json.WriteNumberValue(offset);
            offset += TextOf(token.Token, vocabulary).Length;
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteToken(Utf8JsonWriter json, int token, float probability, EngineVocabulary vocabulary)
    {
        json.WriteString("token"u8, TextOf(token, vocabulary));
        json.WriteNumber("logprob"u8, Finite(probability));
        json.WriteStartArray("bytes"u8);
        foreach (var b in vocabulary.BytesOf(token).Span)
            json.WriteNumberValue(b);
        json.WriteEndArray();
    }

    private static string TextOf(int token, EngineVocabulary vocabulary) =>
        Encoding.UTF8.GetString(vocabulary.BytesOf(token).Span);

    /// <summary>JSON has no infinity; vLLM writes this for it.</summary>
    private static float Finite(float value) => float.IsFinite(value) ? value : -9999;
}
