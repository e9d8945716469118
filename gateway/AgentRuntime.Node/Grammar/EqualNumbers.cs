using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Grammar;

/// <summary>Tells lists of numbers apart by the numbers. Stateless.</summary>
internal sealed class EqualNumbers : IEqualityComparer<int[]>
{
    public static EqualNumbers Instance { get; } = new();

    public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] int[] obj)
    {
        var hash = new HashCode();
        hash.AddBytes(MemoryMarshal.AsBytes(obj.AsSpan()));
        return hash.ToHashCode();
    }
}
