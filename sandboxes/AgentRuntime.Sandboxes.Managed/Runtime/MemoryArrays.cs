namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// Zeroed arrays for the memories of new instances. Nothing but arrays is reused, and only arrays that no guest frame
/// can still hold: those of an instance that was disposed between calls. Bounded; thread-safe.
/// </summary>
internal static class MemoryArrays
{
    /// <summary>Larger memories are left to the collector, which zeroes as fast.</summary>
    private const int MaxPooledPages = 16;

    /// <summary>Arrays kept of each size: at most 68 MiB over all sizes.</summary>
    private const int MaxKeptBytes = 4 << 20;

    private static readonly Lock Gate = new();
    private static readonly byte[]?[][] Kept = [.. Enumerable.Range(1, MaxPooledPages)
        .Select(pages => new byte[]?[MaxKeptBytes / (pages * LinearMemory.PageBytes)])];

    private static readonly int[] Counts = new int[MaxPooledPages];

    public static byte[] Rent(int bytes)
    {
        if (bytes == 0) return [];
        var index = (bytes / LinearMemory.PageBytes) - 1;
        if (index < MaxPooledPages)
        {
            lock (Gate)
            {
                if (Counts[index] > 0)
                {
                    var at = --Counts[index];
                    var array = Kept[index][at]!;
                    Kept[index][at] = null;
                    return array;
                }
            }
        }

        return new byte[bytes];
    }

    /// <summary>Takes an array back and zeroes it; beyond <paramref name="used"/> it is zero already.</summary>
    public static void Return(byte[] array, int used)
    {
        var index = (array.Length / LinearMemory.PageBytes) - 1;
        if (index is < 0 or >= MaxPooledPages) return;
        array.AsSpan(0, used).Clear();
        lock (Gate)
        {
            if (Counts[index] < Kept[index].Length) Kept[index][Counts[index]++] = array;
        }
    }
}
