using System.Buffers;

namespace AgentRuntime.Abstractions;

/// <summary>
/// One running guest: started once, then resumed with the answer to each host call until it finishes. Single-writer:
/// one caller drives it; only <see cref="Stop"/> and <see cref="Usage"/> may be called from other threads.
/// Disposing returns the instance to its pool.
/// </summary>
public interface ISandbox : IAsyncDisposable
{
    /// <summary>What the guest has used so far. A snapshot.</summary>
    SandboxUsage Usage { get; }

    /// <summary>
    /// Calls the guest's <c>run</c> export with <paramref name="input"/> and runs until it finishes or blocks.
    /// </summary>
    ValueTask<SandboxStep> StartAsync(string input, CancellationToken cancellationToken);

    /// <summary>
    /// Answers the host call that the guest is blocked in, and runs until it finishes or blocks again.
    /// </summary>
    /// <exception cref="InvalidOperationException">The guest is not blocked in a host call.</exception>
    ValueTask<SandboxStep> ResumeAsync(HostCallResult result, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a guest that is blocked in a host call, so that <see cref="ISandboxModule.Restore"/> can go on with it in
    /// another process. The guest stays as it is. The bytes hold its memory: keep them as the tenant's data.
    /// </summary>
    /// <exception cref="InvalidOperationException">The guest is not blocked in a host call.</exception>
    /// <exception cref="NotSupportedException">The engine has no snapshots.</exception>
    void WriteSnapshot(IBufferWriter<byte> destination) =>
        throw new NotSupportedException("this sandbox has no snapshots");

    /// <summary>Stops the guest at its next epoch check; its step ends as a trap with this reason (AR3011).</summary>
    void Stop(string reason);
}

/// <summary>What a sandbox did with its time. Immutable.</summary>
/// <param name="CpuTime">Time spent running guest code.</param>
/// <param name="MemoryPeak">The largest size of linear memory.</param>
/// <param name="HostCalls">Host calls made, log lines included.</param>
/// <param name="LogBytes">Bytes logged.</param>
public sealed record SandboxUsage(TimeSpan CpuTime, ByteCount MemoryPeak, int HostCalls, ByteCount LogBytes);

/// <summary>Why a sandbox stopped running: exactly one of the nested forms.</summary>
public abstract record SandboxStep
{
    private SandboxStep()
    {
    }

    /// <summary>The guest returned its output: <c>ok</c> of <c>result&lt;string, string&gt;</c>.</summary>
    public sealed record Finished(string Output) : SandboxStep;

    /// <summary>The guest returned an error of its own: <c>err</c> of <c>result&lt;string, string&gt;</c>.</summary>
    public sealed record Failed(string Error) : SandboxStep;

    /// <summary>The guest waits for the answer to a host call.</summary>
    public sealed record Blocked(HostCall Call) : SandboxStep;

    /// <summary>The guest trapped or broke a limit; it cannot go on.</summary>
    /// <param name="Error">An AR3xxx code with the trap's kind, function and offset.</param>
    public sealed record Trapped(RuntimeError Error) : SandboxStep;
}
