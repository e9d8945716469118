namespace AgentRuntime.Abstractions;

/// <summary>
/// Lines that tenants' costly work stands in, such as compiling: little is done at once over all tenants, and of each
/// tenant one piece after the other, so that a tenant's work holds up another's by one piece of it at most. Work that
/// has a place must not ask for another. Thread-safe.
/// </summary>
/// <param name="atOnce">Pieces of work that are done at once.</param>
/// <param name="what">What they are, for the refusal: <c>deployments</c>.</param>
/// <param name="mostOfTenant">Pieces of one tenant's work that wait or are done; more are refused.</param>
public sealed class TenantLines(int atOnce, string what, int mostOfTenant = TenantLines.MaxOfTenant) : IDisposable
{
    /// <summary>How many that are where nothing else bounds them, each with what it needs in memory.</summary>
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
            if (line.Length == mostOfTenant)
            {
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.ConcurrencyQuota, $"the tenant has {mostOfTenant} {what} under way, as many as it may")
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
        private Task _work = Task.CompletedTask;

        internal Visit(TenantLines owner, TenantId tenant, Line line) =>
            (_owner, _tenant, _line) = (owner, tenant, line);

        /// <summary>
        /// Does the work once it is first in its line and a place is free. Whoever cancels waits no longer, but work
        /// that was begun keeps its place until it is over: a tenant that gives up has not made the next one's turn
        /// come sooner. Called once.
        /// </summary>
        public Task<T> DoAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken) =>
            DoAsync(static () => Task.CompletedTask, work, cancellationToken);

        /// <inheritdoc cref="DoAsync{T}(Func{Task{T}}, CancellationToken)"/>
        /// <param name="begin">What the caller does first when its turn has come; where that fails, it is over.</param>
        /// <param name="work">The work.</param>
        /// <param name="cancellationToken">Waits no longer.</param>
        public async Task<T> DoAsync<T>(Func<Task> begin, Func<Task<T>> work, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(begin);
            ArgumentNullException.ThrowIfNull(work);
            await _line.First.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await _owner._places.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                _line.First.Release();
                throw;
            }

            try
            {
                await begin().ConfigureAwait(false);
            }
            catch
            {
                _owner._places.Release();
                _line.First.Release();
                throw;
            }

            var working = WorkAsync(work);
            _work = working;
            return await working.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        /// <summary>Leaves the line, as soon as work that was begun is over.</summary>
        public void Dispose()
        {
            if (_work.IsCompleted) _owner.Leave(_tenant, _line);
            else _ = LeaveLaterAsync();
        }

        private async Task<T> WorkAsync<T>(Func<Task<T>> work)
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            finally
            {
                _owner._places.Release();
                _line.First.Release();
            }
        }

        private async Task LeaveLaterAsync()
        {
            await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _owner.Leave(_tenant, _line);
        }
    }
}
