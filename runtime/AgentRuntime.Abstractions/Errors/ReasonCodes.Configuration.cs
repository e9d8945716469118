namespace AgentRuntime.Abstractions;

/// <content>8xxx: configuration and storage.</content>
public static partial class ReasonCodes
{
    /// <summary>The configuration does not validate.</summary>
    public static readonly ReasonCode InvalidConfiguration = new(8001);

    /// <summary>The store failed.</summary>
    public static readonly ReasonCode StorageFailed = new(8002);

    /// <summary>The port is taken.</summary>
    public static readonly ReasonCode PortInUse = new(8003);

    /// <summary>A native library is not installed.</summary>
    public static readonly ReasonCode MissingNativeLibrary = new(8004);

    /// <summary>A child process did not start.</summary>
    public static readonly ReasonCode ChildProcessFailed = new(8005);

    /// <summary>The command line is wrong.</summary>
    public static readonly ReasonCode UsageError = new(8006);

    /// <summary>The command line could not reach the platform.</summary>
    public static readonly ReasonCode PlatformUnreachable = new(8007);

    /// <summary>A file that was named cannot be read.</summary>
    public static readonly ReasonCode UnreadableFile = new(8008);
}
