using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace AgentRuntime.Node.Transfer;

/// <summary>Identifies a prompt's tokens between nodes, so that state is never attached to another prompt.</summary>
internal static class PromptDigest
{
    public static string Of(ReadOnlySpan<int> tokens) =>
        Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(tokens)));
}
