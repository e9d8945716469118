using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The name of an entity: a type such as <c>Shop::User</c> and an id, any string. Immutable, with its hash computed
/// once, so that it is a cheap key.
/// </summary>
public sealed class EntityUid : IEquatable<EntityUid>
{
    private readonly int _hash;

    /// <exception cref="ArgumentException"><paramref name="type"/> is not a Cedar name.</exception>
    public EntityUid(string type, string id)
        : this(type, id, trusted: false)
    {
    }

    internal EntityUid(string type, string id, bool trusted)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(id);
        if (!trusted && !CedarNames.IsName(type))
            throw new ArgumentException($"'{type}' is not a Cedar entity type.", nameof(type));
        Type = type;
        Id = id;
        _hash = HashCode.Combine(type.GetHashCode(StringComparison.Ordinal), id.GetHashCode(StringComparison.Ordinal));
    }

    /// <summary>The entity type with its namespaces, for example <c>Shop::User</c>.</summary>
    public string Type { get; }

    /// <summary>The id within the type.</summary>
    public string Id { get; }

    public static bool operator ==(EntityUid? left, EntityUid? right) => Equals(left, right);

    public static bool operator !=(EntityUid? left, EntityUid? right) => !Equals(left, right);

    /// <summary>Reads <c>Type::"id"</c> with Cedar's escapes.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out EntityUid? uid)
    {
        ArgumentNullException.ThrowIfNull(text);
        uid = null;
        var quote = text.IndexOf('"');
        if (quote < 3 || !text.EndsWith('"') || quote == text.Length - 1) return false;
        if (!text.AsSpan(0, quote).EndsWith("::")) return false;
        var type = text[..(quote - 2)];
        if (!CedarNames.IsName(type)) return false;
        var inner = text.AsSpan(quote + 1, text.Length - quote - 2);
        if (!StringEscapes.IsStringBody(inner) || !StringEscapes.TryUnescape(inner, out var id, out _)) return false;
        uid = new EntityUid(type, id, trusted: true);
        return true;
    }

    public bool Equals([NotNullWhen(true)] EntityUid? other) =>
        ReferenceEquals(this, other)
        || (other is not null && _hash == other._hash && Id == other.Id && Type == other.Type);

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as EntityUid);

    public override int GetHashCode() => _hash;

    /// <summary>The uid as Cedar writes it: <c>Type::"id"</c>.</summary>
    public override string ToString() => $"{Type}::{StringEscapes.Quote(Id)}";
}
