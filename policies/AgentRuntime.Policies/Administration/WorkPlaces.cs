using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Where bundles are compiled and questions about them are worked on: few at once over all tenants, off the threads
/// that serve, and of each tenant one after the other, so that nobody's questions take the places of all. Work within
/// a place must not ask for another. Thread-safe.
/// </summary>
internal sealed class WorkPlaces : IDisposable
{
    /// <summary>Work that is done at once.</summary>
    public const int Count = 2;

    /// <summary>Work of one tenant that is done or waits, each with a bundle or two in memory.</summary>
    public const int MaxOfTenant = 16;

    private readonly SemaphoreSlim _places = new(Count, Count);
    private readonly Dictionary<TenantId, Line> _lines = [];

    /// <summary>Does a tenant's work once a place is free.</summary>
    public ValueTask<T> DoAsync<T>(TenantId tenant, Func<T> work, CancellationToken cancellationToken) =>
        DoAsync(tenant, () => Task.FromResult(work()), cancellationToken);

    /// <summary>Does a tenant's work once a place is free.</summary>
    /// <exception cref="RuntimeErrorException">AR6004: too much of the tenant's waits already.</exception>
    public async ValueTask<T> DoAsync<T>(TenantId tenant, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        var line = Join(tenant);
        try
        {
            await line.First.WaitAsync(cancellationToken);
            try
            {
                await _places.WaitAsync(cancellationToken);
                try
                {
                    return await Task.Run(work, cancellationToken);
                }
                finally
                {
                    _places.Release();
                }
            }
            finally
            {
                line.First.Release();
            }
        }
        finally
        {
            Leave(tenant, line);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private Line Join(TenantId tenant)
    {
        lock (_lines)
        {
            if (!_lines.TryGetValue(tenant, out var line))
                _lines.Add(tenant, line = new());
            if (line.Length == MaxOfTenant)
            {
                throw new RuntimeErrorException(new(
                    ReasonCodes.ConcurrencyQuota,
                    $"the tenant has {MaxOfTenant} questions about bundles under way, as many as it may")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                });
            }

            line.Length++;
            return line;
        }
    }

    private void Leave(TenantId tenant, Line line)
    {
        lock (_lines)
        {
            if (--line.Length > 0)
                return;
            _lines.Remove(tenant);
            line.First.Dispose();
        }
    }

    /// <summary>A tenant's work that waits or is done; gone when there is none.</summary>
    private sealed class Line
    {
        public SemaphoreSlim First { get; } = new(1, 1);

        public int Length { get; set; }
    }
}
