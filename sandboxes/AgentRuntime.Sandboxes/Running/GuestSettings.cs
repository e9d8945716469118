using System.Buffers;
using System.Text;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// A guest's settings as it reads them, encoded when it first asks: a guest may ask ten thousand times, and the time is
/// the host's. Used on the guest's thread.
/// </summary>
internal sealed class GuestSettings(IReadOnlyDictionary<string, string> settings)
{
    /// <summary>A pointer, the sign between key and value, and the zero.</summary>
    private const long EntryBytes = 6;

    private readonly Dictionary<string, byte[]> _values = new(StringComparer.Ordinal);
    private readonly Lazy<(byte[] Text, int[] Starts)> _environment = new(() => Encode(settings));

    /// <summary>All of them as <c>KEY=value</c>, each with a zero behind it (WASI preview 1,
    /// <c>environ_get</c>).</summary>
    public ReadOnlySpan<byte> Environment => _environment.Value.Text;

    /// <summary>Where each begins there.</summary>
    public ReadOnlySpan<int> Starts => _environment.Value.Starts;

    /// <summary>A setting's value in UTF-8; null when there is none of that key.</summary>
    public byte[]? Value(string key)
    {
        if (_values.TryGetValue(key, out var value)) return value;
        if (!settings.TryGetValue(key, out var text)) return null;
        return _values[key] = Encoding.UTF8.GetBytes(text);
    }

    /// <summary>Bytes that they take in a guest's memory, pointers included.</summary>
    public static long BytesOf(IReadOnlyDictionary<string, string> settings) =>
        settings.Sum(s => Encoding.UTF8.GetByteCount(s.Key) + (long)Encoding.UTF8.GetByteCount(s.Value) + EntryBytes);

    private static (byte[] Text, int[] Starts) Encode(IReadOnlyDictionary<string, string> settings)
    {
        var text = new ArrayBufferWriter<byte>();
        var starts = new int[settings.Count];
        var next = 0;
        foreach (var (key, value) in settings)
        {
            starts[next++] = text.WrittenCount;
            Encoding.UTF8.GetBytes($"{key}={value}\0", text);
        }
        return (text.WrittenSpan.ToArray(), starts);
    }
}
