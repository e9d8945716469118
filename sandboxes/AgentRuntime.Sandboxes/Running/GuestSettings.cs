using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// Settings as guests read them, encoded when one first asks: a guest may ask ten thousand times, and the time is the
/// host's. Those that a module brings are encoded once for all its guests, however many wait. Thread-safe.
/// </summary>
internal sealed class GuestSettings(IReadOnlyDictionary<string, string> settings)
{
    /// <summary>A pointer, the sign between key and value, and the zero.</summary>
    private const long EntryBytes = 6;

    /// <summary>As text of two bytes a character, and encoded for <c>config.get</c> and for the environment.</summary>
    private const int HostCopies = 4;

    private readonly ConcurrentDictionary<string, byte[]> _values = new(StringComparer.Ordinal);
    private readonly Lazy<(byte[] Text, int[] Starts)> _environment =
        new(() => Encode(settings), LazyThreadSafetyMode.PublicationOnly);

    public IReadOnlyDictionary<string, string> All => settings;

    /// <summary>Bytes that they take in a guest's memory, pointers included.</summary>
    public long GuestBytes { get; } = settings.Sum(s =>
        Encoding.UTF8.GetByteCount(s.Key) + (long)Encoding.UTF8.GetByteCount(s.Value) + EntryBytes);

    /// <summary>Bytes that they may take of the host's memory.</summary>
    public long HostBytes => GuestBytes * HostCopies;

    /// <summary>All of them as <c>KEY=value</c>, each with a zero behind it (WASI preview 1,
    /// <c>environ_get</c>).</summary>
    public ReadOnlySpan<byte> Environment => _environment.Value.Text;

    /// <summary>Where each begins there.</summary>
    public ReadOnlySpan<int> Starts => _environment.Value.Starts;

    /// <summary>A setting's value in UTF-8; null when there is none of that key.</summary>
    public byte[]? Value(string key) => _values.TryGetValue(key, out var value) ? value
        : settings.TryGetValue(key, out var text) ? _values.GetOrAdd(key, Encoding.UTF8.GetBytes(text))
        : null;

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
