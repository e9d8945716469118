namespace AgentRuntime.Abstractions;

/// <summary>
/// The SHA-256 of a Wasm module's bytes: what a sandbox loads, and nothing else. <c>default</c> is invalid and throws
/// when formatted.
/// </summary>
public readonly record struct ModuleDigest
{
    private readonly string? _hex;

    private ModuleDigest(string hex) => _hex = hex;

    /// <summary>The digest of <paramref name="content"/>.</summary>
    public static ModuleDigest Of(ReadOnlySpan<byte> content) => new(Sha256Digest.Of(content));

    /// <summary>Reads 64 lower-case hex digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static ModuleDigest Parse(string hex) => new(Sha256Digest.Valid(hex));

    /// <summary>Reads 64 lower-case hex digits; false when the text has another form.</summary>
    public static bool TryParse(string hex, out ModuleDigest digest)
    {
        digest = Sha256Digest.IsValid(hex) ? new(hex) : default;
        return digest != default;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        _hex ?? throw new InvalidOperationException("a default ModuleDigest names nothing");
}
