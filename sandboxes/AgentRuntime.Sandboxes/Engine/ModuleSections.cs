using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// What is read from a module's sections (WebAssembly 2.0 §5.5) before and beside the engine: the settings that it
/// carries, and how much memory it starts with. Settings are custom sections named <c>agentruntime:config/KEY</c>;
/// they are taken off before compiling, so that agents that differ only in them, such as scripts on one JavaScript
/// engine, share one compilation. A module that cannot be read is left as it is, for the engine to refuse. Immutable.
/// </summary>
internal sealed class ModuleSections
{
    private const string SettingPrefix = "agentruntime:config/";
    private const int HeaderBytes = 8;
    private const int MemorySection = 5;
    private const long PageBytes = 65_536;

    private ModuleSections(
        ReadOnlyMemory<byte> code, IReadOnlyDictionary<string, string> settings, long initialMemoryBytes)
    {
        Code = code;
        Settings = settings;
        InitialMemoryBytes = initialMemoryBytes;
    }

    /// <summary>The module without its settings.</summary>
    public ReadOnlyMemory<byte> Code { get; }

    /// <summary>
    /// The settings that the module carries, by key; a later section of the same key counts. In a dictionary that
    /// hashes anew where many keys collide: a frozen one would not, and a module chooses its keys.
    /// </summary>
    public IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>Bytes of the first memory at instantiation; 0 when the module has none.</summary>
    public long InitialMemoryBytes { get; }

    public static ModuleSections Read(ReadOnlyMemory<byte> wasm)
    {
        if (wasm.Length < HeaderBytes) return new(wasm, NoSettings, 0);
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        var code = new ArrayBufferWriter<byte>(wasm.Length);
        var memory = 0L;
        code.Write(wasm.Span[..HeaderBytes]);
        for (var rest = wasm.Span[HeaderBytes..]; rest.Length > 0;)
        {
            var body = rest[1..];
            if (!TryU32(ref body, out var size) || size > body.Length) return new(wasm, NoSettings, 0);
            var whole = rest[..(rest.Length - body.Length + (int)size)];
            rest = body[(int)size..];
            body = body[..(int)size];
            if (whole[0] == 0 && TryReadSetting(body, settings)) continue;
            if (whole[0] == MemorySection) memory = InitialPages(body) * PageBytes;
            code.Write(whole);
        }
        return settings.Count == 0
            ? new(wasm, NoSettings, memory)
            : new(code.WrittenMemory, settings, memory);
    }

    public static IReadOnlyDictionary<string, string> NoSettings { get; } = FrozenDictionary<string, string>.Empty;

    private static bool TryReadSetting(ReadOnlySpan<byte> section, Dictionary<string, string> settings)
    {
        if (!TryU32(ref section, out var length) || length > section.Length) return false;
        var name = Encoding.UTF8.GetString(section[..(int)length]);
        if (!name.StartsWith(SettingPrefix, StringComparison.Ordinal)) return false;
        settings[name[SettingPrefix.Length..]] = Encoding.UTF8.GetString(section[(int)length..]);
        return true;
    }

    private static long InitialPages(ReadOnlySpan<byte> section)
    {
        if (!TryU32(ref section, out var count) || count == 0 || section.Length == 0) return 0;
        section = section[1..];
        return TryU32(ref section, out var pages) ? pages : 0;
    }

    private static bool TryU32(ref ReadOnlySpan<byte> bytes, out uint value)
    {
        value = 0;
        for (var shift = 0; shift < 35 && bytes.Length > 0; shift += 7)
        {
            var part = bytes[0];
            bytes = bytes[1..];
            value |= (uint)(part & 0x7F) << shift;
            if ((part & 0x80) == 0) return true;
        }
        return false;
    }
}
