namespace AgentRuntime.Abstractions;

/// <summary>
/// The SHA-256 of a policy bundle's canonical content: a decision names the bundle that made it. <c>default</c> is
/// invalid and throws when formatted.
/// </summary>
public readonly record struct BundleDigest
{
    private readonly string? _hex;

    private BundleDigest(string hex) => _hex = hex;

    /// <summary>The digest of <paramref name="content"/>.</summary>
    public static BundleDigest Of(ReadOnlySpan<byte> content) => new(Sha256Digest.Of(content));

    /// <summary>Reads 64 lower-case hex digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static BundleDigest Parse(string hex) => new(Sha256Digest.Valid(hex));

    /// <inheritdoc/>
    public override string ToString() =>
        _hex ?? throw new InvalidOperationException("a default BundleDigest names nothing");
}
