namespace AgentRuntime.Abstractions;

/// <content>3xxx: sandboxes.</content>
public static partial class ReasonCodes
{
    /// <summary>The bytes are not a valid WebAssembly module.</summary>
    public static readonly ReasonCode InvalidModule = new(3001);

    /// <summary>The module exceeds a compile limit.</summary>
    public static readonly ReasonCode ModuleTooLarge = new(3002);

    /// <summary>The module imports something that the host does not offer.</summary>
    public static readonly ReasonCode UnknownImport = new(3003);

    /// <summary>The module lacks an export that the agent world demands.</summary>
    public static readonly ReasonCode MissingExport = new(3004);

    /// <summary>The guest needs more memory than its limit.</summary>
    public static readonly ReasonCode MemoryLimit = new(3005);

    /// <summary>The guest used up its CPU time.</summary>
    public static readonly ReasonCode CpuTimeLimit = new(3006);

    /// <summary>The guest's calls nest deeper than its limit.</summary>
    public static readonly ReasonCode StackLimit = new(3007);

    /// <summary>The guest trapped.</summary>
    public static readonly ReasonCode GuestTrap = new(3008);

    /// <summary>The guest made more host calls than its limit.</summary>
    public static readonly ReasonCode HostCallLimit = new(3009);

    /// <summary>The guest gave the host a pointer, length or text that is not valid.</summary>
    public static readonly ReasonCode GuestPointer = new(3010);

    /// <summary>The guest was stopped from outside.</summary>
    public static readonly ReasonCode Stopped = new(3011);

    /// <summary>The guest returned or logged more bytes than its limit.</summary>
    public static readonly ReasonCode OutputLimit = new(3012);

    /// <summary>The guest used up its fuel.</summary>
    public static readonly ReasonCode FuelExhausted = new(3013);

    /// <summary>More modules wait to be compiled, or more guests for a thread, than the platform accepts.</summary>
    public static readonly ReasonCode SandboxBusy = new(3014);

    /// <summary>The snapshot of a sandbox is damaged, or of another module, version or limits.</summary>
    public static readonly ReasonCode InvalidSnapshot = new(3015);

    /// <summary>The native library of the sandbox engine is missing, of another release or not usable here.</summary>
    public static readonly ReasonCode SandboxLibrary = new(3018);
}
