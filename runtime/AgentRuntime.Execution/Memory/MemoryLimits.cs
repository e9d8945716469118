using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>What keys, values and cursors may be. Stateless.</summary>
internal static class MemoryLimits
{
    private const int MaxNameBytes = 64;

    /// <summary>Why a call cannot be about any bucket; null when it can.</summary>
    public static RuntimeError? Check(HostCall.Memory asked)
    {
        if (Encoding.UTF8.GetByteCount(asked.Bucket) is 0 or > MaxNameBytes)
            return Invalid($"a bucket's name has 1 to {MaxNameBytes} bytes", MemoryWords.Shown(asked.Bucket));
        var key = asked.Operation == MemoryOperation.ListKeys ? asked.Cursor : asked.Key;
        return key is not null && Encoding.UTF8.GetByteCount(key) is var bytes and (0 or > MemoryBucket.MaxKeyBytes)
            ? Invalid(
                $"a key has 1 to {MemoryBucket.MaxKeyBytes} bytes, and this one has {bytes}", asked.Bucket)
            : null;
    }

    /// <summary>Why a call does not fit into its bucket; null when it does.</summary>
    public static RuntimeError? Check(HostCall.Memory asked, MemoryBucket bucket) =>
        asked.Value.Length > bucket.MaxValueBytes.Value
            ? Invalid(
                $"a value has at most {bucket.MaxValueBytes}, and this one has {asked.Value.Length} bytes", bucket.Name)
            : null;

    private static RuntimeError Invalid(string what, string bucket) => new(
        ReasonCodes.MemoryInvalid,
        $"In the memory '{bucket}' {what}.",
        bucket,
        "Shorten it, or keep it in parts.");
}
