using System.Collections;
using System.Text;

namespace AgentRuntime.Rpc.Metadata;

/// <summary>
/// Custom metadata of a call: names in lower case, values text, or bytes where the name ends with <c>-bin</c>. A name
/// may occur more than once. Not thread-safe.
/// </summary>
public sealed class RpcMetadata : IEnumerable<RpcMetadataEntry>
{
    private readonly List<RpcMetadataEntry> _entries = [];

    /// <summary>Entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds a text.</summary>
    /// <exception cref="ArgumentException">
    /// The name is not 1*(0-9 a-z _ - .), is reserved (<c>grpc-</c>) or ends with <c>-bin</c>; or the value has other
    /// characters than space to tilde.
    /// </exception>
    public RpcMetadata Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        CheckName(name);
        if (IsBinary(name)) throw new ArgumentException("a name that ends with -bin has bytes", nameof(name));
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            throw new ArgumentException("metadata is printable ASCII; give bytes under a -bin name", nameof(value));
        _entries.Add(new(name, value, default));
        return this;
    }

    /// <summary>Adds bytes under a name that ends with <c>-bin</c>.</summary>
    /// <exception cref="ArgumentException">The name is wrong.</exception>
    public RpcMetadata Add(string name, ReadOnlyMemory<byte> value)
    {
        CheckName(name);
        if (!IsBinary(name)) throw new ArgumentException("bytes need a name that ends with -bin", nameof(name));
        _entries.Add(new(name, null, value));
        return this;
    }

    /// <summary>The first text of a name; null for none.</summary>
    public string? Text(string name) => _entries.Find(e => e.Name == name)?.Text;

    /// <summary>The first bytes of a name; null for none.</summary>
    public ReadOnlyMemory<byte>? Bytes(string name) => _entries.Find(e => e.Name == name)?.Bytes;

    /// <inheritdoc/>
    public IEnumerator<RpcMetadataEntry> GetEnumerator() => _entries.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// Takes a received header. What is no metadata is left out: reserved names, bytes that are not base64, and values
    /// that could not be sent on.
    /// </summary>
    internal void Receive(string name, string value)
    {
        name = name.ToLowerInvariant();
        if (!IsCustom(name)) return;
        if (!IsBinary(name))
        {
            if (!value.AsSpan().ContainsAnyExceptInRange(' ', '~')) _entries.Add(new(name, value, default));
            return;
        }

        // Duplicates may have been joined with a comma, which base64 does not have (PROTOCOL-HTTP2, Requests).
        foreach (var part in value.Split(','))
            if (BinaryValue.TryDecode(part.Trim(), out var bytes))
                _entries.Add(new(name, null, bytes));
    }

    private static bool IsBinary(string name) => name.EndsWith("-bin", StringComparison.Ordinal);

    private static bool IsCustom(string name) =>
        IsName(name) && !name.StartsWith("grpc-", StringComparison.Ordinal)
        && name is not ("content-type" or "te" or "user-agent" or "host" or "content-length" or "date" or "server"
            or "transfer-encoding" or "connection" or "trailer");

    private static bool IsName(string name)
    {
        if (name.Length == 0) return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('_' or '-' or '.'))
                return false;
        return true;
    }

    private static void CheckName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsCustom(name)) throw new ArgumentException($"'{name}' is no name of custom metadata", nameof(name));
    }
}

/// <summary>One name and its value: text, or bytes.</summary>
public sealed record RpcMetadataEntry(string Name, string? Text, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The value as the header has it.</summary>
    internal string Encoded => Text ?? BinaryValue.Encode(Bytes.Span);

    /// <inheritdoc/>
    public override string ToString() =>
        new StringBuilder(Name).Append('=').Append(Text ?? $"{Bytes.Length} bytes").ToString();
}
