using System.Runtime.InteropServices;

namespace AgentRuntime.Sandboxes.Wasmtime.Signals;

/// <summary>
/// <c>struct sigaction</c> of <c>signal.h</c>: 152 bytes, the same with glibc and musl on x64 and arm64. The mask has
/// 1,024 bits of which the kernel knows 64. The last field is libc's own, and is handed back as it came.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 152)]
internal unsafe struct SignalAction
{
    [FieldOffset(0)]
    public nint Handler;

    [FieldOffset(8)]
    public fixed ulong Mask[16];

    [FieldOffset(136)]
    public int Flags;

    [FieldOffset(144)]
    public nint Restorer;
}

/// <summary><c>stack_t</c> of <c>signal.h</c>: 24 bytes with glibc and musl on x64 and arm64.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct SignalStack
{
    [FieldOffset(0)]
    public nint Address;

    [FieldOffset(8)]
    public int Flags;

    [FieldOffset(16)]
    public nuint Bytes;
}

/// <summary><c>struct rlimit</c> of <c>sys/resource.h</c>: two of 64 bits.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProcessLimit
{
    public ulong Soft;
    public ulong Hard;
}

/// <summary>The few functions of libc that living beside .NET's signal handlers takes, and bounding a
/// compiler.</summary>
internal static unsafe partial class Posix
{
    public const int SigIll = 4;
    public const int SigBus = 7;
    public const int SigFpe = 8;
    public const int SigSegv = 11;

    /// <summary>mmap: no access, reading and writing, private, anonymous, nothing reserved for it.</summary>
    private const int NoAccess = 0, ReadWrite = 0x1 | 0x2, PrivateAnonymousNoReserve = 0x02 | 0x20 | 0x4000;

    /// <summary>setrlimit: private writable memory, and the size of core dumps.</summary>
    private const int DataLimit = 2, CoreLimit = 4;

    /// <summary>Whether layouts and numbers here are this system's.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>The signal with which the runtime stops its threads: <c>SIGRTMIN</c> as libc counts, 34 or
    /// 35.</summary>
    public static int Activation { get; } = OperatingSystem.IsLinux() ? FirstRealTimeSignal() : 0;

    [LibraryImport("libc", EntryPoint = "sigaction")]
    public static partial int SigAction(int signal, SignalAction* set, SignalAction* old);

    [LibraryImport("libc", EntryPoint = "sigaltstack")]
    public static partial int SigAltStack(SignalStack* set, SignalStack* old);

    [LibraryImport("libc", EntryPoint = "unsetenv")]
    public static partial int UnsetEnvironment(byte* name);

    [LibraryImport("libc", EntryPoint = "getenv")]
    public static partial byte* GetEnvironment(byte* name);

    /// <summary>Whether that much address space could be had now; it is given back at once.</summary>
    public static bool CanReserve(ulong bytes)
    {
        var address = Map(0, (nuint)bytes, NoAccess, PrivateAnonymousNoReserve, -1, 0);
        if (address == -1) return false;
        _ = Unmap(address, (nuint)bytes);
        return true;
    }

    /// <summary>Bounds this process for good: the memory that it writes to, and no core dump of it.</summary>
    public static void LimitProcess(long memoryBytes)
    {
        var memory = new ProcessLimit { Soft = (ulong)memoryBytes, Hard = (ulong)memoryBytes };
        var none = default(ProcessLimit);
        if (SetLimit(DataLimit, &memory) != 0 || SetLimit(CoreLimit, &none) != 0)
            throw new InvalidOperationException("the process cannot be bounded");
    }

    /// <summary>Memory for a stack above a page that nothing may touch; 0 when there is none.</summary>
    public static nint MapStack(nuint bytes)
    {
        var guard = (nuint)Environment.SystemPageSize;
        var address = Map(0, guard + bytes, NoAccess, PrivateAnonymousNoReserve, -1, 0);
        if (address == -1) return 0;
        var stack = address + (nint)guard;
        if (Protect(stack, bytes, ReadWrite) == 0) return stack;
        _ = Unmap(address, guard + bytes);
        return 0;
    }

    /// <summary>Gives back what <see cref="MapStack"/> gave.</summary>
    public static void UnmapStack(nint stack, nuint bytes)
    {
        var guard = (nuint)Environment.SystemPageSize;
        _ = Unmap(stack - (nint)guard, guard + bytes);
    }

    /// <summary>The lowest address of this thread's stack; 0 when it cannot be asked for.</summary>
    public static nuint StackLow()
    {
        // pthread_attr_t is at most 64 bytes on the platforms of .NET; twice that is kept for it.
        var attributes = stackalloc long[16];
        if (ThreadAttributes(Self(), attributes) != 0) return 0;
        var found = AttributesStack(attributes, out var address, out _) == 0;
        _ = AttributesDestroy(attributes);
        return found ? address : 0;
    }

    [LibraryImport("libc", EntryPoint = "__libc_current_sigrtmin")]
    private static partial int FirstRealTimeSignal();

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, ProcessLimit* limit);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "pthread_self")]
    private static partial nint Self();

    [LibraryImport("libc", EntryPoint = "pthread_getattr_np")]
    private static partial int ThreadAttributes(nint thread, long* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_attr_getstack")]
    private static partial int AttributesStack(long* attributes, out nuint address, out nuint bytes);

    [LibraryImport("libc", EntryPoint = "pthread_attr_destroy")]
    private static partial int AttributesDestroy(long* attributes);
}
