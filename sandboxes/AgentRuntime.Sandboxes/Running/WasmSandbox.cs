using System.Buffers;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// One guest. Its code, from instantiation on, runs on a thread of <see cref="GuestThreads"/>. With an engine that
/// suspends, a blocked guest gives that thread back; otherwise the thread waits inside the host function and the steps
/// are handed over between it and the caller. Single-writer, except for <see cref="Stop"/> and <see cref="Usage"/>.
/// </summary>
internal sealed class WasmSandbox : ISandbox
{
    private readonly WasmSandboxModule _module;
    private readonly SandboxLimits _limits;
    private readonly GuestSession _session;
    private readonly Lock _stopping = new();
    private readonly SemaphoreSlim _answered = new(0, 1);
    private readonly WasmValue[] _results = new WasmValue[1];
    private TaskCompletionSource<SandboxStep>? _step;
    private TaskCompletionSource _idle = Finished();
    private HostCallResult? _answer;
    private IWasmInstance? _instance;
    private string? _stopReason;
    private Phase _phase = Phase.New;

    public WasmSandbox(
        WasmSandboxModule module,
        SandboxLimits limits,
        ISandboxLog log,
        GuestSettings settings)
    {
        _module = module;
        _limits = TrapErrors.Given(limits, module.Owner.Core);
        var guestLog = new GuestLog(log, limits.MaxLogBytes.Value);
        _session = new GuestSession(limits, guestLog, settings, module.Owner.Time)
        {
            WaitForAnswer = module.Owner.Core.SupportsSuspension ? null : WaitOnThread,
        };
    }

    private enum Phase : byte
    {
        New = 1,
        Running,
        Blocked,
        Over,
        Disposed,
    }

    /// <inheritdoc/>
    public SandboxUsage Usage => new(
        _session.Meter.CpuTime,
        new ByteCount(_session.Meter.MemoryPeakBytes),
        _session.Meter.HostCalls,
        new ByteCount(_session.Log.Bytes));

    /// <inheritdoc/>
    public async ValueTask<SandboxStep> StartAsync(string input, CancellationToken cancellationToken)
    {
        if (_phase != Phase.New) throw new InvalidOperationException("the sandbox has been started already");
        var bytes = Encoding.UTF8.GetByteCount(input);
        if (bytes > _limits.MaxStringBytes.Value)
        {
            _phase = Phase.Over;
            return new SandboxStep.Trapped(new RuntimeError(
                ReasonCodes.InputTooLarge,
                $"The input has {bytes} bytes; the agent may take {_limits.MaxStringBytes}."));
        }
        await _module.PrepareAsync(_limits, cancellationToken);
        return await StepAsync(() => Begin(input), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<SandboxStep> ResumeAsync(HostCallResult result, CancellationToken cancellationToken)
    {
        if (_phase != Phase.Blocked) throw new InvalidOperationException("the guest is not blocked in a host call");
        if (!Answers.Fits(_session.Blocked!.Kind, result))
        {
            throw new ArgumentException(
                $"{result.GetType().Name} does not answer what the guest waits for", nameof(result));
        }
        if (_session.WaitForAnswer is null) return await StepAsync(() => Continue(result), cancellationToken);
        _answer = result;
        return await StepAsync(null, cancellationToken);
    }

    /// <inheritdoc/>
    public void WriteSnapshot(IBufferWriter<byte> destination)
    {
        if (_session.WaitForAnswer is not null) throw new NotSupportedException("the engine has no snapshots");
        if (_phase != Phase.Blocked) throw new InvalidOperationException("the guest is not blocked in a host call");
        _session.Log.Flush();
        SandboxSnapshot.Write(destination, _module.Digest, _session.Blocked!, Usage);
        _instance!.WriteSnapshot(destination);
    }

    /// <summary>Becomes the guest of a snapshot. Called once, on a new sandbox.</summary>
    /// <exception cref="WasmSnapshotException">Damaged, or of another module, version or limits.</exception>
    public void Restore(ReadOnlySpan<byte> snapshot)
    {
        if (_session.WaitForAnswer is not null) throw new NotSupportedException("the engine has no snapshots");
        var (blocked, usage, core) = SandboxSnapshot.Read(snapshot, _module.Digest);
        _session.Meter.Restore(usage.CpuTime, usage.HostCalls, usage.MemoryPeak.Value);
        _session.Log.Restore(usage.LogBytes.Value);
        var functions = _module.Imports.Select(_session.Bind).ToArray();
        _instance = _module.Code.Restore(snapshot[core..], functions, TrapErrors.CoreLimits(_limits));
        _session.Restore(_instance, blocked);
        _phase = Phase.Blocked;
    }

    /// <inheritdoc/>
    public void Stop(string reason)
    {
        lock (_stopping)
        {
            _stopReason ??= reason;
            _instance?.Interrupt(TrapKind.Stopped);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_phase == Phase.Disposed) return;
        var waiting = _phase == Phase.Blocked && _session.WaitForAnswer is not null;
        _phase = Phase.Disposed;
        Stop("the sandbox was disposed");
        if (waiting) _answered.Release();
        await _idle.Task;
        IWasmInstance? instance;
        lock (_stopping)
        {
            instance = _instance;
            _instance = null;
        }
        instance?.Dispose();
    }

    private static TaskCompletionSource Finished()
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        source.SetResult();
        return source;
    }

    // Runs one step: on a fresh thread, or, when there is nothing to run, on the thread that waits for the answer.
    private async ValueTask<SandboxStep> StepAsync(Func<SandboxStep>? work, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var step = new TaskCompletionSource<SandboxStep>(TaskCreationOptions.RunContinuationsAsynchronously);
        _step = step;
        if (work is null)
        {
            _phase = Phase.Running;
            _answered.Release();
        }
        else
        {
            var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await _module.Owner.Threads.StartAsync(() => RunToEnd(work, idle), cancellationToken);
            _phase = Phase.Running;
            _idle = idle;
        }
        SandboxStep result;
        await using (cancellationToken.Register(() => Stop("the caller cancelled the step")))
        {
            result = await step.Task;
        }
        if (_phase == Phase.Running) _phase = result is SandboxStep.Blocked ? Phase.Blocked : Phase.Over;
        if (result is SandboxStep.Trapped) cancellationToken.ThrowIfCancellationRequested();
        return result;
    }

    private void RunToEnd(Func<SandboxStep> work, TaskCompletionSource idle)
    {
        try
        {
            var result = Guarded(work);
            // The thread is idle before the step is over: whoever sees the step may dispose at once.
            idle.SetResult();
            _step!.TrySetResult(result);
        }
        catch (Exception bug)
        {
            idle.TrySetResult();
            _step!.TrySetException(bug);
        }
    }

    private SandboxStep Guarded(Func<SandboxStep> work)
    {
        try
        {
            return work();
        }
        catch (WasmTrapException trap)
        {
            _session.Meter.SawMemory(_instance?.Memory?.LengthBytes ?? 0);
            return new SandboxStep.Trapped(TrapErrors.From(
                trap, _limits, _module.Owner.Core, _session.Meter, _stopReason));
        }
        catch (WasmModuleException e)
        {
            // Some machine code is made when it is called.
            return new SandboxStep.Trapped(new RuntimeError(ReasonCodes.ModuleTooLarge, e.Message));
        }
        catch (WasmSnapshotException e)
        {
            return new SandboxStep.Trapped(SandboxSnapshot.Invalid(e));
        }
        catch (WasmLinkException e)
        {
            return new SandboxStep.Trapped(new RuntimeError(ReasonCodes.UnknownImport, e.Message));
        }
        finally
        {
            _session.Meter.LeaveGuest();
            _session.Meter.SawMemory(_instance?.Memory?.LengthBytes ?? 0);
            if (_session.Blocked is null) _session.Log.Flush();
        }
    }

    private SandboxStep Begin(string input)
    {
        var functions = _module.Imports.Select(_session.Bind).ToArray();
        _session.Meter.EnterGuest();
        var instance = _module.Code.Instantiate(functions, TrapErrors.CoreLimits(_limits));
        lock (_stopping)
        {
            _instance = instance;
            if (_stopReason is not null) throw new WasmTrapException(TrapKind.Stopped);
        }
        _session.Attach(instance);
        if (_module.HasInitialize) instance.Call(AgentWorld.Initialize, [], []);
        var (address, length) = _session.Lower().Text(input);
        _session.MayBlock = true;
        return After(instance.Call(
            AgentWorld.Run, [WasmValue.FromI32((int)address), WasmValue.FromI32((int)length)], _results));
    }

    private SandboxStep Continue(HostCallResult answer)
    {
        if (_stopReason is not null) throw new WasmTrapException(TrapKind.Stopped);
        var returned = _session.Answer(answer);
        _session.Meter.EnterGuest();
        return After(_instance!.Resume(returned, _results));
    }

    private SandboxStep After(WasmCallStatus status)
    {
        _session.Meter.LeaveGuest();
        if (status == WasmCallStatus.Suspended) return new SandboxStep.Blocked(_session.Blocked!.Call!);
        _session.MayBlock = false;
        var area = (uint)_results[0].AsI32();
        var record = new RecordReader(GuestText.View(_session.Memory, area, 12, 4));
        var failed = GuestLift.Discriminant(record.U8(), 2, "a result") == 1;
        var (address, length) = (record.U32(), record.U32());
        if (length > _limits.MaxStringBytes.Value)
        {
            return new SandboxStep.Trapped(new RuntimeError(
                ReasonCodes.OutputLimit,
                $"The guest returned {length} bytes; it may return {_limits.MaxStringBytes}."));
        }
        var text = GuestText.Decode(GuestText.View(_session.Memory, address, length, 1));
        if (_module.HasPostRun) _session.CallNested(AgentWorld.PostRun, [_results[0]], []);
        return failed ? new SandboxStep.Failed(text) : new SandboxStep.Finished(text);
    }

    // On the guest's thread, inside a host function.
    private HostCallResult WaitOnThread(HostCall call)
    {
        _session.Meter.SawMemory(_session.Memory.LengthBytes);
        _step!.SetResult(new SandboxStep.Blocked(call));
        _answered.Wait();
        if (_stopReason is not null) throw new WasmTrapException(TrapKind.Stopped);
        return _answer!;
    }
}
