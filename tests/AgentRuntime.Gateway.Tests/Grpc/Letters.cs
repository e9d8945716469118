using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>A letter is a token; every prompt is the text "hi".</summary>
internal sealed class Letters : IModelTokenizer
{
    public int[] Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body) => TokenizeText("hi");

    public int[] TokenizeText(string text) => [.. text.Select(c => (int)c)];

    public string? ToolCallParser => "hermes";

    public bool IsControl(int token) => false;

    public ReadOnlyMemory<byte> BytesOf(int token) => new[] { (byte)token };
}
