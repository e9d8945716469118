using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary>An immutable Cedar record; keys are any strings, kept in ordinal order.</summary>
public sealed class CedarRecord : IEquatable<CedarRecord>, IReadOnlyCollection<KeyValuePair<string, CedarValue>>
{
    private const int LinearLimit = 12;

    private readonly string[] _keys;
    private readonly CedarValue[] _values;
    private readonly Dictionary<string, int>? _lookup;
    private readonly int _hash;

    private CedarRecord(string[] keys, CedarValue[] values)
    {
        _keys = keys;
        _values = values;
        if (keys.Length > LinearLimit)
        {
            _lookup = new(keys.Length, StringComparer.Ordinal);
            for (var i = 0; i < keys.Length; i++) _lookup.Add(keys[i], i);
        }

        for (var i = 0; i < keys.Length; i++)
        {
            _hash = HashCode.Combine(_hash, keys[i], values[i]);
            Weight += keys[i].Length + values[i].Weight;
        }
    }

    public static CedarRecord Empty { get; } = new([], []);

    public int Count => _keys.Length;

    /// <summary>What looking at all of it takes (<see cref="CedarValue.Weight"/>).</summary>
    internal long Weight { get; } = 1;

    /// <summary>The keys in ordinal order.</summary>
    public ReadOnlySpan<string> Keys => _keys;

    /// <summary>The values in the order of <see cref="Keys"/>.</summary>
    public ReadOnlySpan<CedarValue> Values => _values;

    /// <exception cref="ArgumentException">A key comes twice, or a value has no kind.</exception>
    public static CedarRecord Create(IEnumerable<KeyValuePair<string, CedarValue>> attributes)
    {
        ArgumentNullException.ThrowIfNull(attributes);
        var pairs = attributes.ToArray();
        if (pairs.Length == 0) return Empty;
        var keys = new string[pairs.Length];
        var values = new CedarValue[pairs.Length];
        for (var i = 0; i < pairs.Length; i++) (keys[i], values[i]) = (pairs[i].Key, pairs[i].Value);
        return CreateOwned(keys, values);
    }

    /// <exception cref="ArgumentException">A key comes twice, or a value has no kind.</exception>
    public static CedarRecord Create(params ReadOnlySpan<(string Key, CedarValue Value)> attributes)
    {
        var keys = new string[attributes.Length];
        var values = new CedarValue[attributes.Length];
        for (var i = 0; i < attributes.Length; i++) (keys[i], values[i]) = attributes[i];
        return CreateOwned(keys, values);
    }

    /// <summary>Takes the two arrays over and sorts them; the caller must not touch them again.</summary>
    internal static CedarRecord CreateOwned(string[] keys, CedarValue[] values)
    {
        if (keys.Length == 0) return Empty;
        Array.Sort(keys, values, StringComparer.Ordinal);
        for (var i = 0; i < keys.Length; i++)
        {
            if (i > 0 && keys[i] == keys[i - 1]) throw new ArgumentException($"The key '{keys[i]}' comes twice.");
            if (values[i].IsNone) throw new ArgumentException($"The key '{keys[i]}' has a value of no kind.");
        }

        return new(keys, values);
    }

    public bool TryGetValue(string key, out CedarValue value)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (_lookup is not null)
        {
            if (_lookup.TryGetValue(key, out var found))
            {
                value = _values[found];
                return true;
            }
        }
        else
        {
            var keys = _keys;
            for (var i = 0; i < keys.Length; i++)
            {
                if (!string.Equals(keys[i], key)) continue;
                value = _values[i];
                return true;
            }
        }

        value = default;
        return false;
    }

    public bool ContainsKey(string key) => TryGetValue(key, out _);

    /// <summary>A copy with one attribute set or replaced.</summary>
    public CedarRecord With(string key, CedarValue value)
    {
        ArgumentNullException.ThrowIfNull(key);
        var attributes = new Dictionary<string, CedarValue>(StringComparer.Ordinal);
        for (var i = 0; i < _keys.Length; i++) attributes[_keys[i]] = _values[i];
        attributes[key] = value;
        return Create(attributes);
    }

    public bool Equals([NotNullWhen(true)] CedarRecord? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || _hash != other._hash) return false;
        return _keys.AsSpan().SequenceEqual(other._keys) && _values.AsSpan().SequenceEqual(other._values);
    }

    public override bool Equals([NotNullWhen(true)] object? obj) => Equals(obj as CedarRecord);

    public override int GetHashCode() => _hash;

    public override string ToString() => ValueText.Write(CedarValue.Record(this));

    public IEnumerator<KeyValuePair<string, CedarValue>> GetEnumerator()
    {
        for (var i = 0; i < _keys.Length; i++) yield return new(_keys[i], _values[i]);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
