namespace AgentRuntime.Abstractions;

/// <summary>What a guest does with a bucket. Values are part of snapshots' journals: added, never renumbered.</summary>
public enum MemoryOperation : byte
{
    /// <summary>Read a key's value.</summary>
    Get = 1,

    /// <summary>Ask whether a key has a value.</summary>
    Exists = 2,

    /// <summary>Read a page of keys.</summary>
    ListKeys = 3,

    /// <summary>Give a key a value.</summary>
    Set = 4,

    /// <summary>Take a key away.</summary>
    Delete = 5,
}
