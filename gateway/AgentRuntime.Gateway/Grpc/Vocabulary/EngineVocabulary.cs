using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Gateway;

/// <summary>What is needed to speak with an engine in tokens: its tokenizer and chat template. Thread-safe.</summary>
internal abstract class EngineVocabulary
{
    /// <summary>How the model writes tool calls.</summary>
    public abstract ToolCallSyntax Tools { get; }

    /// <summary>The tokens of a chat, up to where the answer begins.</summary>
    /// <param name="body">The request.</param>
    /// <param name="bytes">The same as bytes.</param>
    /// <exception cref="LegRefusal">It cannot be rendered.</exception>
    public abstract int[] Chat(JsonElement body, ReadOnlyMemory<byte> bytes);

    /// <summary>The tokens of a prompt, with those that begin an input.</summary>
    public abstract int[] Prompt(string text);

    /// <summary>The tokens of a text that goes on in the middle.</summary>
    public abstract int[] Bare(string text);

    /// <summary>The bytes of a token; of a control token too, if they are known.</summary>
    public abstract ReadOnlyMemory<byte> BytesOf(int token);

    /// <summary>Whether a token controls the model and is not shown.</summary>
    public abstract bool IsControl(int token);

    /// <summary>A vocabulary in GGUF, which the bundled node sends.</summary>
    internal sealed class OfGguf(IModelTokenizer tokenizer) : EngineVocabulary
    {
        public override ToolCallSyntax Tools => ToolCallSyntaxes.OfParser(tokenizer.ToolCallParser);

        public override int[] Chat(JsonElement body, ReadOnlyMemory<byte> bytes) =>
            tokenizer.Tokenize(InferenceOperation.Chat, bytes)
            ?? throw LegRefusal.Malformed("the messages cannot be tokenized");

        public override int[] Prompt(string text) =>
            tokenizer.Tokenize(
                InferenceOperation.Completion,
                Encoding.UTF8.GetBytes($$"""{"prompt":"{{JsonEncodedText.Encode(text)}}"}"""))
            ?? throw LegRefusal.Malformed("the prompt cannot be tokenized");

        public override int[] Bare(string text) => tokenizer.TokenizeText(text);

        public override ReadOnlyMemory<byte> BytesOf(int token) => tokenizer.BytesOf(token);

        public override bool IsControl(int token) => tokenizer.IsControl(token);

        public void Release() => (tokenizer as IDisposable)?.Dispose();
    }
}
