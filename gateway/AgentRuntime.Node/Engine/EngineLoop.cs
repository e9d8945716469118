using System.Collections.Concurrent;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Logging;
using AgentRuntime.Node.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// The thread that owns the llama.cpp context. Others hand it generations through a bounded queue and read their
/// events; nothing else is shared. Submit and Cancel are thread-safe.
/// </summary>
internal sealed class EngineLoop : IDisposable
{
    private readonly BlockingCollection<Generation> _arrivals;
    private readonly EngineScheduler _scheduler;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log;
    private int _queued;

    public EngineLoop(
        IServedModel model, NodeOptions options, TimeProvider time, IPrefixCacheObserver? observer = null,
        ILogger? log = null)
    {
        _log = log ?? NullLogger.Instance;
        MaxQueued = options.QueuedRequests;
        _arrivals = new(MaxQueued);
        _scheduler = new(model, options, Counters, time, observer);
        _thread = new(Run) { Name = "engine", IsBackground = true };
        _thread.Start();
    }

    public EngineCounters Counters { get; } = new();

    /// <summary>Cells in the KV pool.</summary>
    public int PoolTokens => _scheduler.PoolTokens;

    public int MaxQueued { get; }

    /// <summary>Generations that were handed in and that the thread has not taken yet.</summary>
    public int Queued => Volatile.Read(ref _queued);

    /// <summary>Whether the thread still serves; false after a failure of the native side.</summary>
    public bool IsHealthy => !_stopped.Task.IsCompleted;

    /// <summary>Ends when the thread serves no more.</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>Starts a generation.</summary>
    /// <exception cref="RuntimeErrorException">AR4009: the queue is full. AR4003: the engine has stopped.</exception>
    public Generation Submit(GenerationRequest request)
    {
        if (!IsHealthy || _stop.IsCancellationRequested) throw HasStopped();
        var generation = new Generation(request);
        if (Interlocked.Increment(ref _queued) > MaxQueued)
        {
            Interlocked.Decrement(ref _queued);
            throw new RuntimeErrorException(new(
                ReasonCodes.Saturated, $"{MaxQueued} requests wait already", "queue", "Try again later.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            });
        }

        try
        {
            if (!_arrivals.TryAdd(generation)) throw HasStopped();
        }
        catch (InvalidOperationException)
        {
            throw HasStopped();
        }

        return generation;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _arrivals.CompleteAdding();
        _stopped.Task.Wait();
        _thread.Join();
        _stop.Dispose();
        _arrivals.Dispose();
    }

    private static RuntimeErrorException HasStopped() =>
        new(new(ReasonCodes.EngineFailed, "the engine has stopped", "engine", "Start the node again."));

    private static RuntimeError HasFailed(Exception e) =>
        new(ReasonCodes.EngineFailed, $"the engine failed: {e.Message}", "engine");

    private void Run()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                // Asleep only when there is nothing to compute; a cancelled generation that waits is found at the
                // next step.
                if (!_scheduler.HasWork) Take(_arrivals.Take(_stop.Token));
                while (_scheduler.Waiting < MaxQueued && _arrivals.TryTake(out var next)) Take(next);
                _scheduler.Step();
            }

            _scheduler.FailAll(new(ReasonCodes.EngineFailed, "the node is stopping", "engine"));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _scheduler.FailAll(new(ReasonCodes.EngineFailed, "the node is stopping", "engine"));
        }
        catch (Exception e)
        {
            // The thread is the last frame: whoever waits must hear of it, and the node turns unhealthy.
            NodeLog.EngineFailed(_log, e);
            _scheduler.FailAll(HasFailed(e));
        }
        finally
        {
            _stopped.TrySetResult();

            // Who asked before the engine was seen to have stopped is refused, or is among those that are left.
            _arrivals.CompleteAdding();
            var error = HasStopped().Error;
            while (_arrivals.TryTake(out var left)) left.Complete(new(null, error));
            _scheduler.Dispose();
        }
    }

    private void Take(Generation generation)
    {
        Interlocked.Decrement(ref _queued);
        try
        {
            _scheduler.Add(generation);
        }
        catch (Exception e)
        {
            // It left one line and is not in the other: nobody else would find it.
            generation.Complete(new(null, HasFailed(e)));
            throw;
        }
    }
}
