namespace AgentRuntime.Sandboxes.Wasi;

/// <summary>The error numbers of WASI preview 1 that the subset answers with (witx <c>errno</c>).</summary>
internal enum WasiErrno
{
    /// <summary>No error.</summary>
    Success = 0,

    /// <summary>No such descriptor: only 0, 1 and 2 exist.</summary>
    BadDescriptor = 8,

    /// <summary>Invalid argument.</summary>
    Invalid = 28,

    /// <summary>Not offered here.</summary>
    NotSupported = 58,

    /// <summary>Standard streams cannot seek.</summary>
    InvalidSeek = 70,

    /// <summary>The guest has no capability for files or sockets.</summary>
    NotCapable = 76,
}
