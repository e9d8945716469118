using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>How much a run service takes on at once. Immutable; every bound is finite.</summary>
public sealed record RunServiceOptions
{
    /// <summary>
    /// Runs executed at once. A run that waits for a model or a tool holds a worker but no thread, until its guest is
    /// put away, so this bounds memory rather than CPU. Default 64.
    /// </summary>
    public int Workers { get; init; } = 64;

    /// <summary>
    /// Memory that the guests of one tenant may have together, by their agents' limits; runs for which there is no room
    /// wait for the tenant's others, without a worker. A guest that is put away has none. Default 4 GiB.
    /// </summary>
    public ByteCount MaxTenantMemory { get; init; } = ByteCount.FromMebibytes(4_096);

    /// <summary>Runs that may wait for a worker; more are refused with AR7006. Default 1,024.</summary>
    public int QueueCapacity { get; init; } = 1_024;

    /// <summary>Bytes of one tool result; more is dropped with AR5006. Default 1 MiB.</summary>
    public int MaxToolResultBytes { get; init; } = 1 << 20;

    /// <summary>
    /// UTF-16 units of text that a run's events may hold, 200 added for each. A run that calls beyond that ends with
    /// AR7010: a guest may call ten thousand times with megabytes, refused or not, and all is read again after a
    /// restart. Default 256 Mi.
    /// </summary>
    public long MaxEventChars { get; init; } = 256L << 20;

    /// <summary>
    /// How long a call that policy holds for approval waits for a person, within its run's deadline. Default zero:
    /// such a call is refused at once (AR2005), as fits where nobody can answer.
    /// </summary>
    public TimeSpan ApprovalPatience { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// How many workers in a row may go down while they work on a run that comes no further. One that brings its worker
    /// down each time is then given up with AR7002. A worker that is stopped in good order does not count, nor one that
    /// goes down while the run waits for its turn, a person or a time. Default 3, as Sidekiq's for jobs that are found
    /// after a crash.
    /// </summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>
    /// How many workers may go down while they work on a run at all: one that comes further each time before it brings
    /// its worker down is given up too. Default 10.
    /// </summary>
    public int MaxLost { get; init; } = 10;

    /// <summary>
    /// How long a run is left alone whose end could not be written, because the journal was down or did not say whether
    /// it had written, before it is taken over as after a restart. Default 5 s: another platform that has the database
    /// by then is noticed before.
    /// </summary>
    public TimeSpan TakeOverAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a guest waits in memory before it is put away as bytes and gives up its worker, and the journal is told
    /// of a run that waits for a person or a time (<c>run.suspended</c>); <see cref="Timeout.InfiniteTimeSpan"/> for
    /// never. Default 5 s: longer than most tools take.
    /// </summary>
    public TimeSpan PutAwayAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Guests that may be put away at once; the others wait in memory. Default 100,000.</summary>
    public int MaxPutAway { get; init; } = 100_000;

    /// <summary>
    /// Where guests are put away: a folder of the platform's own, emptied when it takes over what was left. Default
    /// null: in memory.
    /// </summary>
    public string? ShelfFolder { get; init; }

    /// <summary>
    /// How often the journal is read for a watcher of a run that this process does not execute. Default 1 s. A run
    /// of this process wakes its watchers at once.
    /// </summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(1);
}
