using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>
/// Where the current thread's stack ends, so that guest recursion traps long before the process would die. Addresses
/// are compared here and never dereferenced.
/// </summary>
internal static unsafe partial class StackGuard
{
    /// <summary>Kept free below the guest for host functions, traps and the runtime itself.</summary>
    private const nuint ReserveBytes = 256 * 1024;

    /// <summary>What is assumed of a thread whose stack cannot be asked for.</summary>
    private const nuint AssumedBytes = 384 * 1024;

    [ThreadStatic]
    private static nuint _limit;

    /// <summary>The lowest address that a guest's frame may reach on this thread.</summary>
    public static nuint Limit => _limit != 0 ? _limit : _limit = Measure();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [SkipLocalsInit]
    public static nuint Here()
    {
        byte mark;
        return (nuint)(&mark);
    }

    private static nuint Measure()
    {
        var low = Here() - AssumedBytes;
        // pthread_attr_t is at most 64 bytes on the platforms of .NET; twice that is kept for it.
        var attributes = stackalloc long[16];
        if (OperatingSystem.IsLinux() && PthreadGetAttributes(PthreadSelf(), attributes) == 0)
        {
            if (PthreadAttributesGetStack(attributes, out var address, out var size) == 0 && size > ReserveBytes)
            {
                low = address;
                // The main thread's stack is said to reach as far as the limit allows; it is trusted for 8 MiB.
                var here = Here();
                if (here - low > 64 << 20) low = here - (7 << 20);
            }

            _ = PthreadAttributesDestroy(attributes);
        }

        return low + ReserveBytes;
    }

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    private static partial nint PthreadSelf();

    [LibraryImport("libc", EntryPoint = "pthread_getattr_np")]
    private static partial int PthreadGetAttributes(nint thread, long* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_attr_getstack")]
    private static partial int PthreadAttributesGetStack(long* attributes, out nuint address, out nuint size);

    [LibraryImport("libc", EntryPoint = "pthread_attr_destroy")]
    private static partial int PthreadAttributesDestroy(long* attributes);
}
