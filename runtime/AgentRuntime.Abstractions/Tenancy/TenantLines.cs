namespace AgentRuntime.Abstractions;

/// <summary>
/// Lines that tenants' costly work stands in, such as compiling: little is done at once over all tenants, and of each
/// tenant one piece after the other, so that a tenant's work holds up another's by one piece of it at most. Work that
/// has a place must not ask for another. Thread-safe.
/// </summary>
/// <param name="atOnce">Pieces of work that are done at once.</param>
/// <param name="what">What they are, for the refusal: <c>deployments</c>.</param>
public sealed class TenantLines(int atOnce, string what) : IDisposable
{
    /// <summary>Pieces of one tenant's work that wait or are done, each with what it needs in memory.</summary>
    public const int MaxOfTenant = 16;

    private readonly SemaphoreSlim _places = new(atOnce, atOnce);
    private readonly Dictionary<TenantId, Line> _lines = [];

    /// <summary>Takes a place in the tenant's line; dispose it when the work is over.</summary>
    /// <exception cref="RuntimeErrorException">AR6004: as much of the tenant's waits as may.</exception>
    public Visit Join(TenantId tenant)
    {
        lock (_lines)
        {
            if (!_lines.TryGetValue(tenant, out var line))
                _lines.Add(tenant, line = new Line());
            if (line.Length == MaxOfTenant)
            {
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.ConcurrencyQuota, $"the tenant has {MaxOfTenant} {what} under way, as many as it may")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                });
            }

            line.Length++;
            return new Visit(this, tenant, line);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

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
    internal sealed class Line
    {
        public SemaphoreSlim First { get; } = new(1, 1);

        public int Length { get; set; }
    }

    /// <summary>A place in a tenant's line. Owned by one request.</summary>
    public sealed class Visit : IDisposable
    {
        private readonly TenantLines _owner;
        private readonly TenantId _tenant;
        private readonly Line _line;

        internal Visit(TenantLines owner, TenantId tenant, Line line) =>
            (_owner, _tenant, _line) = (owner, tenant, line);

        /// <summary>Does the work once it is first in its line and a place is free.</summary>
        public async Task<T> DoAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(work);
            await _line.First.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await _owner._places.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    return await work().ConfigureAwait(false);
                }
                finally
                {
                    _owner._places.Release();
                }
            }
            finally
            {
                _line.First.Release();
            }
        }

        /// <summary>Leaves the line.</summary>
        public void Dispose() => _owner.Leave(_tenant, _line);
    }
}
