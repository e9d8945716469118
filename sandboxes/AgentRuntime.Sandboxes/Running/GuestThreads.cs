using System.Collections.Concurrent;
using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// A bounded set of long-lived threads with stacks of a known size. Guests do not run on the thread pool: they need a
/// deep stack, may take seconds of CPU time, and with an engine that cannot suspend they wait on their thread.
/// Thread-safe. Disposing lets idle threads end; one that is at work ends after its work.
/// </summary>
internal sealed class GuestThreads(
    string name, int maxThreads, int maxWaiting, int stackBytes, Action? leave = null) : IDisposable
{
    private readonly SemaphoreSlim _free = new(maxThreads, maxThreads);
    private readonly ConcurrentStack<Worker> _idle = new();
    private int _waiting;
    private int _started;
    private volatile bool _disposed;

    private string Name => name;

    private int StackBytes => stackBytes;

    private Action? Leave => leave;

    /// <summary>Runs work on a thread of its own; returns as soon as it is under way.</summary>
    /// <exception cref="RuntimeErrorException">AR3014: too many wait for a thread already.</exception>
    public async ValueTask StartAsync(Action work, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_free.Wait(0, CancellationToken.None)) await WaitAsync(cancellationToken);
        if (!_idle.TryPop(out var worker))
        {
            worker = new Worker(this, Interlocked.Increment(ref _started).ToString(CultureInfo.InvariantCulture));
        }
        worker.Run(work);
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryPop(out var worker)) worker.End();
    }

    private async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > maxWaiting)
            {
                throw new RuntimeErrorException(new RuntimeError(
                    ReasonCodes.SandboxBusy,
                    $"{maxThreads} threads are at work and {maxWaiting} requests wait for one.",
                    Action: "Try again later, or let fewer runs start at once.")
                { RetryAfter = TimeSpan.FromSeconds(1) });
            }
            await _free.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private void Return(Worker worker)
    {
        _idle.Push(worker);
        _free.Release();
        if (_disposed && _idle.TryPop(out var last)) last.End();
    }

    private sealed class Worker
    {
        private readonly GuestThreads _owner;
        private readonly SemaphoreSlim _ready = new(0, 1);
        private Action? _work;

        public Worker(GuestThreads owner, string number)
        {
            _owner = owner;
            new Thread(Loop, owner.StackBytes) { IsBackground = true, Name = $"{owner.Name} {number}" }.Start();
        }

        public void Run(Action work)
        {
            _work = work;
            _ready.Release();
        }

        public void End()
        {
            _work = null;
            _ready.Release();
        }

        private void Loop()
        {
            while (true)
            {
                _ready.Wait();
                var work = _work;
                if (work is null)
                {
                    _owner.Leave?.Invoke();
                    return;
                }
                _work = null;
                work();
                _owner.Return(this);
            }
        }
    }
}
