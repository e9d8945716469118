using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// The memory that each tenant's guests may have together. What a guest may grow to is taken before it is made, so that
/// together they never have more; one for which there is no room waits for the tenant's others, in turn. Thread-safe.
/// </summary>
/// <param name="most">The most of one tenant.</param>
internal sealed class GuestMemory(ByteCount most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TenantId, Account> _accounts = [];

    /// <summary>A guest's share, which it does not have yet. Dispose it with the guest.</summary>
    /// <exception cref="RuntimeErrorException">AR3005: more than there ever is.</exception>
    public Share Of(TenantId tenant, ByteCount bytes)
    {
        if (bytes.CompareTo(most) <= 0)
            return new Share(this, tenant, bytes.Value);
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.MemoryLimit,
            $"The agent may have {bytes} of memory; all guests of a tenant may have {most} together.",
            Action: "Lower limits.memory in the agent's bundle, or ask the operator to raise "
                + "sandbox.max_tenant_memory_mib."));
    }

    /// <summary>Null where it was taken; else what completes when it is.</summary>
    private Waiting? Take(TenantId tenant, long bytes)
    {
        lock (_lock)
        {
            if (!_accounts.TryGetValue(tenant, out var account))
                _accounts.Add(tenant, account = new Account());
            if (account.Waiting.Count == 0 && account.Used + bytes <= most.Value)
            {
                account.Used += bytes;
                return null;
            }

            var waiting = new Waiting(bytes);
            account.Waiting.AddLast(waiting);
            return waiting;
        }
    }

    private void GiveBack(TenantId tenant, long bytes)
    {
        lock (_lock)
        {
            var account = _accounts[tenant];
            account.Used -= bytes;
            GrantWithLockHeld(tenant, account);
        }
    }

    /// <summary>False where it was granted already.</summary>
    private bool TryGiveUp(TenantId tenant, Waiting waiting)
    {
        lock (_lock)
        {
            if (!_accounts.TryGetValue(tenant, out var account) || !account.Waiting.Remove(waiting))
                return false;
            // A large one may have held up smaller ones.
            GrantWithLockHeld(tenant, account);
            return true;
        }
    }

    private void GrantWithLockHeld(TenantId tenant, Account account)
    {
        while (account.Waiting.First?.Value is { } next && account.Used + next.Bytes <= most.Value)
        {
            account.Waiting.RemoveFirst();
            account.Used += next.Bytes;
            next.Granted.SetResult();
        }

        if (account.Used == 0)
            _accounts.Remove(tenant);
    }

    private sealed class Account
    {
        public long Used { get; set; }

        public LinkedList<Waiting> Waiting { get; } = [];
    }

    private sealed class Waiting(long bytes)
    {
        public long Bytes => bytes;

        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>One guest's memory. Single-writer: the run's own execution.</summary>
    internal sealed class Share(GuestMemory owner, TenantId tenant, long bytes) : IDisposable
    {
        private bool _held;

        /// <summary>Takes it; where there is no room now, the run leaves its worker and waits.</summary>
        public async Task TakeAsync(WorkerSlot slot, CancellationToken cancellationToken)
        {
            if (_held)
                return;
            if (owner.Take(tenant, bytes) is { } waiting)
            {
                slot.Leave();
                try
                {
                    await waiting.Granted.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    if (!owner.TryGiveUp(tenant, waiting))
                        owner.GiveBack(tenant, bytes);
                    throw;
                }
            }

            _held = true;
            await slot.ReturnAsync(cancellationToken).ConfigureAwait(false);
        }

        /// <summary>Gives it back, while the guest has none.</summary>
        public void GiveBack()
        {
            if (!_held)
                return;
            _held = false;
            owner.GiveBack(tenant, bytes);
        }

        /// <inheritdoc/>
        public void Dispose() => GiveBack();
    }
}
