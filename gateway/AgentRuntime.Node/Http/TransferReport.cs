namespace AgentRuntime.Node.Http;

/// <summary>What became of a decode leg's transfer: reported as <c>x_agentruntime.kv_transfer</c>. Immutable.</summary>
/// <param name="Bytes">Bytes of KV state received.</param>
/// <param name="Milliseconds">From the manifest's request to the last byte.</param>
/// <param name="Tokens">Prompt tokens that need not be computed because of it.</param>
/// <param name="Code">Why the prompt was computed here instead; null when it was not.</param>
/// <param name="Reason">The same in words, where there are some.</param>
internal sealed record TransferReport(
    long Bytes, double Milliseconds, int Tokens, string? Code = null, string? Reason = null);
