using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Who may have a module compiled for a deployment: few at once over all tenants, and of each tenant one after the
/// other, so that a tenant's slow modules hold up another's by one of them at most. Thread-safe.
/// </summary>
internal sealed class CompilationLines(int atOnce) : IDisposable
{
    /// <summary>Deployments of one tenant that are under way, each with its module in memory.</summary>
    public const int MaxOfTenant = 16;

    private readonly SemaphoreSlim _places = new(atOnce, atOnce);
    private readonly Dictionary<TenantId, Line> _lines = [];

    /// <summary>Takes a place in the tenant's line; dispose it when the deployment is over.</summary>
    /// <exception cref="RuntimeErrorException">AR6004: the tenant deploys too much already.</exception>
    public Visit Join(TenantId tenant)
    {
        lock (_lines)
        {
            if (!_lines.TryGetValue(tenant, out var line))
                _lines.Add(tenant, line = new Line());
            if (line.Length == MaxOfTenant)
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.ConcurrencyQuota,
                    $"the tenant has {MaxOfTenant} deployments under way, as many as it may")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                });

            line.Length++;
            return new Visit(this, tenant, line);
        }
    }

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

    /// <summary>A tenant's deployments that wait or are compiled; gone when there is none.</summary>
    internal sealed class Line
    {
        public SemaphoreSlim First { get; } = new(1, 1);

        public int Length { get; set; }
    }

    /// <summary>One deployment's place in its tenant's line. Owned by one request.</summary>
    internal sealed class Visit : IDisposable
    {
        private readonly CompilationLines _owner;
        private readonly TenantId _tenant;
        private readonly Line _line;

        internal Visit(CompilationLines owner, TenantId tenant, Line line) =>
            (_owner, _tenant, _line) = (owner, tenant, line);

        /// <summary>Compiles once it is this deployment's turn and a place is free.</summary>
        public async Task CompileAsync(Func<Task> compile, CancellationToken cancellationToken)
        {
            await _line.First.WaitAsync(cancellationToken);
            try
            {
                await _owner._places.WaitAsync(cancellationToken);
                try
                {
                    await compile();
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

        public void Dispose() => _owner.Leave(_tenant, _line);
    }
}
