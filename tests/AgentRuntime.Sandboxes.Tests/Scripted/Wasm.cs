using System.Text;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Scripted;

/// <summary>Module bytes for tests.</summary>
internal static class Wasm
{
    private static readonly string Guests = Path.Combine(Repository.Root, "sandboxes", "guests");

    /// <summary>A module that is checked in, by the name that <c>sandboxes/guests/build</c> knows it by.</summary>
    public static byte[] Dist(string name) => File.ReadAllBytes(name == "javascript"
        ? Path.Combine(Guests, "templates", "javascript", "engine.wasm")
        : Path.Combine(Guests, "dist", $"{name}.wasm"));

    /// <summary>The module with a setting in a custom section, as <c>pack.mjs</c> writes it.</summary>
    public static byte[] WithSetting(byte[] module, string key, string value)
    {
        var name = Encoding.UTF8.GetBytes($"agentruntime:config/{key}");
        byte[] content = [.. Leb(name.Length), .. name, .. Encoding.UTF8.GetBytes(value)];
        return [.. module, 0, .. Leb(content.Length), .. content];
    }

    private static byte[] Leb(int value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7F; value >>= 7) bytes.Add((byte)((value & 0x7F) | 0x80));
        return [.. bytes, (byte)value];
    }
}
