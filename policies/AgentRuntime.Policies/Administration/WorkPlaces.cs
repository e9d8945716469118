using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Where bundles are compiled and questions about them are worked on: in <see cref="TenantLines"/>, off the threads
/// that serve. Work within a place must not ask for another. Thread-safe.
/// </summary>
internal sealed class WorkPlaces : IDisposable
{
    /// <summary>Work that is done at once.</summary>
    public const int Count = 2;

    private readonly TenantLines _lines = new(Count, "questions about bundles");

    /// <summary>Does a tenant's work once a place is free.</summary>
    public ValueTask<T> DoAsync<T>(TenantId tenant, Func<T> work, CancellationToken cancellationToken) =>
        DoAsync(tenant, () => Task.FromResult(work()), cancellationToken);

    /// <summary>Does a tenant's work once a place is free.</summary>
    /// <exception cref="RuntimeErrorException">AR6004: too much of the tenant's waits already.</exception>
    public async ValueTask<T> DoAsync<T>(TenantId tenant, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        using var visit = _lines.Join(tenant);
        return await visit.DoAsync(() => Task.Run(work, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _lines.Dispose();
}
