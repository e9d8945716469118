using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Where bodies that are not small are parsed, tokenized and cut into blocks: on a few threads of their own, tenants
/// taking turns. On the threads that serve, a handful of megabytes would keep everybody's requests waiting, and what
/// is waited for here holds up another tenant's small requests not at all, its large ones by one piece. Work in it must
/// not ask for another. Thread-safe.
/// </summary>
internal sealed class LargeBodies : IDisposable
{
    /// <summary>Bytes up to which a body is worked on where it is: going elsewhere would cost more.</summary>
    public const int SmallBytes = 64 << 10;

    // As many as a tenant's requests that the edge lets in, and its agents' beside them: there is the bound.
    private const int OfTenant = 4_096;

    private readonly TenantLines _lines = new(
        Math.Max(1, Environment.ProcessorCount / 2), "large requests", OfTenant);

    public static bool IsLarge(int bytes) => bytes > SmallBytes;

    /// <summary>Does the work once it is the tenant's turn.</summary>
    /// <exception cref="RuntimeErrorException">AR6004: more of the tenant's waits than may.</exception>
    public async Task<T> DoAsync<T>(TenantId tenant, Func<T> work, CancellationToken cancellationToken)
    {
        using var visit = _lines.Join(tenant);
        return await visit.DoAsync(() => ElsewhereAsync(work, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Does the work on a thread of its own, in no line: where others bound how much of it there is at once.
    /// </summary>
    public static Task<T> ElsewhereAsync<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose() => _lines.Dispose();
}
