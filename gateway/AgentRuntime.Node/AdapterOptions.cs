namespace AgentRuntime.Node;

/// <summary>A LoRA adapter to serve beside the model (vLLM: <c>--lora-modules name=path</c>). Immutable.</summary>
/// <param name="Name">The name that clients give as <c>model</c>.</param>
/// <param name="Path">Its GGUF file, made for this model.</param>
public sealed record AdapterOptions(string Name, string Path)
{
    /// <summary>Reads <c>name=path</c>.</summary>
    /// <exception cref="FormatException">It has another form.</exception>
    public static AdapterOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 && at < text.Length - 1
            ? new(text[..at], text[(at + 1)..])
            : throw new FormatException($"'{text}' is not NAME=PATH");
    }
}
