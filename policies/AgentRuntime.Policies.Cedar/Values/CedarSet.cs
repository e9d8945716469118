using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace AgentRuntime.Policies.Cedar;

/// <summary>An immutable Cedar set; order does not count and duplicates are dropped.</summary>
public sealed class CedarSet : IEquatable<CedarSet>
{
    private const int LinearLimit = 8;

    private readonly CedarValue[] _values;
    private readonly HashSet<CedarValue>? _lookup;
    private readonly int _hash;

    private CedarSet(CedarValue[] values, HashSet<CedarValue>? lookup)
    {
        _values = values;
        _lookup = lookup;
        foreach (var value in values)
        {
            _hash += value.GetHashCode() * 31;
            Weight += value.Weight;
        }
    }

    public static CedarSet Empty { get; } = new([], null);

    public int Count => _values.Length;

    /// <summary>What looking at all of it takes (<see cref="CedarValue.Weight"/>).</summary>
    internal long Weight { get; } = 1;

    /// <summary>The members, in the order in which they were first given.</summary>
    public ReadOnlySpan<CedarValue> Values => _values;

    public static CedarSet Create(params ReadOnlySpan<CedarValue> values)
    {
        if (values.IsEmpty) return Empty;
        if (values.Length <= LinearLimit)
        {
            var distinct = new CedarValue[values.Length];
            var count = 0;
            foreach (var value in values)
                if (!distinct.AsSpan(0, count).Contains(Valid(value))) distinct[count++] = value;
            return new(count == distinct.Length ? distinct : distinct[..count], null);
        }

        var lookup = new HashSet<CedarValue>(values.Length);
        var ordered = new List<CedarValue>(values.Length);
        foreach (var value in values)
            if (lookup.Add(Valid(value))) ordered.Add(value);
        return new([.. ordered], ordered.Count > LinearLimit ? lookup : null);
    }

    public static CedarSet Create(IEnumerable<CedarValue> values)
    {
        var list = values.ToList();
        return Create(CollectionsMarshal.AsSpan(list));
    }

    /// <summary>What looking for a value takes: where there is a table, all of it is read once.</summary>
    internal long WeightToFind(CedarValue value) =>
        _lookup is null ? Math.Min(Weight, value.Weight) : value.Weight;

    public bool Contains(CedarValue value)
    {
        if (_lookup is not null) return _lookup.Contains(value);
        foreach (ref readonly var candidate in _values.AsSpan())
            if (candidate.Equals(value)) return true;
        return false;
    }

    public bool ContainsAll(CedarSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Count > Count) return false;
        foreach (ref readonly var value in other._values.AsSpan())
            if (!Contains(value)) return false;
        return true;
    }

    public bool ContainsAny(CedarSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var (small, large) = Count <= other.Count ? (this, other) : (other, this);
        foreach (ref readonly var value in small._values.AsSpan())
            if (large.Contains(value)) return true;
        return false;
    }

    public bool Equals([NotNullWhen(true)] CedarSet? other) =>
        ReferenceEquals(this, other)
        || (other is not null && Count == other.Count && _hash == other._hash && ContainsAll(other));

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as CedarSet);

    public override int GetHashCode() => _hash;

    public override string ToString() => ValueText.Write(CedarValue.Set(this));

    private static CedarValue Valid(CedarValue value) =>
        value.IsNone ? throw new ArgumentException("A Cedar set cannot hold a value of no kind.") : value;
}
