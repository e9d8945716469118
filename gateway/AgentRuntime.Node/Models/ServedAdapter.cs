namespace AgentRuntime.Node.Models;

/// <summary>A LoRA adapter that requests may name instead of the model. Immutable.</summary>
/// <param name="Name">The name that clients use.</param>
/// <param name="Path">Its GGUF file.</param>
/// <param name="Digest">Content address of the file, 64 hex digits; see <see cref="ModelDigest"/>.</param>
internal sealed record ServedAdapter(string Name, string Path, string Digest);
