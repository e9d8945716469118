using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// Arrays whose pages are backed when first written. On Linux the collector's memory is private and anonymous, so that
/// <c>madvise(MADV_DONTNEED)</c> on pages that lie wholly within a pinned array makes them read as zero and frees them
/// (madvise(2)). That is tried once; where it does not hold, arrays are zeroed and stay backed. Thread-safe.
/// </summary>
internal static partial class LazyPages
{
    private const int DontNeed = 4;
    private const int NoHugePage = 15;

    private static readonly bool Works = Try();

    /// <summary>A zero array of at least <paramref name="bytes"/> from <paramref name="first"/>, where a page
    /// starts.</summary>
    public static byte[] Allocate(int bytes, out int first)
    {
        var page = Environment.SystemPageSize;
        if (!Works)
        {
            first = 0;
            return GC.AllocateArray<byte>(bytes, pinned: true);
        }

        var array = GC.AllocateUninitializedArray<byte>(bytes + page, pinned: true);
        var start = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        first = (int)((page - (start % page)) % page);
        // A huge page would back two MiB for one byte. What lies before and after is never used.
        _ = Advise(start + first, (nuint)bytes, NoHugePage);
        Discard(array, first, bytes);
        return array;
    }

    /// <summary>Makes a part of a pinned array zero, and unbacked if that can be had.</summary>
    public static void Discard(byte[] array, int offset, int bytes)
    {
        var part = array.AsSpan(offset, bytes);
        var start = Marshal.UnsafeAddrOfPinnedArrayElement(array, offset);
        if (!Works || start % Environment.SystemPageSize != 0 || Advise(start, (nuint)bytes, DontNeed) != 0)
            part.Clear();
    }

    private static bool Try()
    {
        if (!OperatingSystem.IsLinux() || LinearMemory.PageBytes % Environment.SystemPageSize != 0) return false;
        var page = Environment.SystemPageSize;
        var array = GC.AllocateUninitializedArray<byte>(4 * page, pinned: true);
        array.AsSpan().Fill(1);
        var start = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        var first = (int)((page - (start % page)) % page);
        return Advise(start + first, (nuint)(2 * page), DontNeed) == 0
            && !array.AsSpan(first, 2 * page).ContainsAnyExcept((byte)0)
            && array[first + (2 * page)] == 1;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint start, nuint bytes, int advice);
}
