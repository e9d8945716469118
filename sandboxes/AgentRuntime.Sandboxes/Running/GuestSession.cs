using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasi;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// What the host functions of one guest work on: its memory, its limits and what it has used. Owned by one
/// <see cref="WasmSandbox"/>; touched only by the thread that runs the guest, except for <see cref="Meter"/>.
/// </summary>
internal sealed class GuestSession(
    SandboxLimits limits,
    GuestLog log,
    GuestSettings settings,
    TimeProvider time)
{
    private IWasmInstance? _instance;
    private bool _mayLeave = true;

    public GuestMeter Meter { get; } = new(time);

    public GuestLog Log => log;

    public TimeProvider Time => time;

    /// <summary>The agent's own settings.</summary>
    public GuestSettings Settings => settings;

    /// <summary>The call that the guest waits in; null while it runs.</summary>
    public BlockedCall? Blocked { get; private set; }

    /// <summary>
    /// Holds the guest's thread until the answer is there, on engines that cannot unwind the guest; null on those
    /// that can.
    /// </summary>
    public Func<HostCall, HostCallResult>? WaitForAnswer { get; init; }

    /// <summary>Whether the guest's <c>run</c> is under way, so that it may wait.</summary>
    public bool MayBlock { get; set; }

    /// <summary>The guest's memory now.</summary>
    public IGuestMemory Memory => _instance?.Memory
        ?? throw GuestText.Lie("a host function that needs the memory was called by a module without one");

    /// <summary>Binds a host function to this guest.</summary>
    public HostFunction Bind(WorldFunction function) =>
        new(function.Type, function.MayBlock, (instance, arguments, results) =>
        {
            _instance = instance;
            return Enter(function, arguments, results);
        });

    /// <summary>Takes over what a snapshot held of this guest's session.</summary>
    public void Restore(IWasmInstance instance, BlockedCall blocked)
    {
        _instance = instance;
        Blocked = blocked;
        MayBlock = true;
    }

    /// <summary>Binds the instance once it exists; its start function may have called host functions before.</summary>
    public void Attach(IWasmInstance instance) => _instance = instance;

    public GuestLift Lift() => new(Memory, limits.MaxStringBytes.Value);

    public GuestLower Lower() => new(this);

    /// <summary>Checks where a result is to go, before anything is done for it.</summary>
    public uint CheckReturnArea(uint address, uint sizeBytes)
    {
        GuestText.Check(Memory, address, sizeBytes, 4);
        return address;
    }

    /// <summary>
    /// Ends a host function whose answer comes from outside: unwinds the guest, or waits on its thread and writes the
    /// answer.
    /// </summary>
    public HostReturn Block(HostCall call, uint returnArea)
    {
        if (!MayBlock) throw GuestText.Lie("a host call that may wait was made outside run");
        var area = CheckReturnArea(returnArea, Answers.AreaBytes);
        Blocked = new BlockedCall(Answers.KindFor(call), area) { Call = call };
        if (WaitForAnswer is null) return HostReturn.Suspend;
        Answer(WaitForAnswer(call));
        return HostReturn.Completed;
    }

    /// <summary>Ends <c>poll_oneoff</c>, which has an error number for its result and needs no area.</summary>
    public HostReturn BlockInPoll(HostCall.Sleep call, Span<WasmValue> results)
    {
        Blocked = new BlockedCall(AnswerKind.Polled, 0) { Call = call };
        if (WaitForAnswer is null) return HostReturn.Suspend;
        Answer(WaitForAnswer(call)).CopyTo(results);
        return HostReturn.Completed;
    }

    /// <summary>
    /// Writes the answer that the guest waits for, and says what the host function returns. On the guest's thread.
    /// </summary>
    public WasmValue[] Answer(HostCallResult result)
    {
        var blocked = Blocked ?? throw new InvalidOperationException("the guest is not blocked in a host call");
        Blocked = null;
        if (blocked.Kind == AnswerKind.Polled)
        {
            var error = result is HostCallResult.Refused ? WasiErrno.NotCapable : WasiErrno.Success;
            return [WasmValue.FromI32((int)error)];
        }

        var bytes = Answers.TextBytes(result);
        if (bytes > limits.MaxStringBytes.Value)
        {
            result = new HostCallResult.Refused(new RuntimeError(
                ReasonCodes.OutputLimit,
                $"The answer has {bytes} bytes; {limits.MaxStringBytes} may cross into the guest.",
                Action: "Ask for less, or raise limits.string in the agent's bundle."));
        }
        Answers.Lower(Lower(), blocked.ReturnArea, result);
        return [];
    }

    /// <summary>Allocates in the guest, through its own allocator, and checks what it says.</summary>
    public uint Allocate(uint sizeBytes, uint alignment)
    {
        Span<WasmValue> result = stackalloc WasmValue[1];
        CallNested(AgentWorld.Realloc,
            [default, default, WasmValue.FromI32((int)alignment), WasmValue.FromI32((int)sizeBytes)],
            result);
        var address = (uint)result[0].AsI32();
        GuestText.Check(Memory, address, sizeBytes, alignment);
        return address == 0 ? throw GuestText.Lie($"cabi_realloc gave no block of {sizeBytes} bytes") : address;
    }

    /// <summary>
    /// Calls an export that serves the host. It may not call the host in turn (component model, <c>may_leave</c>):
    /// otherwise the two could recurse without end.
    /// </summary>
    public void CallNested(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var instance = _instance ?? throw GuestText.Lie($"{export} was needed before the guest was ready");
        var inGuest = Meter.InGuest;
        if (!inGuest) Meter.EnterGuest();
        _mayLeave = false;
        try
        {
            instance.Call(export, arguments, results);
        }
        finally
        {
            _mayLeave = true;
            if (!inGuest) Meter.LeaveGuest();
        }
    }

    /// <summary>
    /// Logs a piece of standard output (1) or standard error (2). The first line that a call ends is the call itself;
    /// each further one counts as another, because a line is an event of its own, however short.
    /// </summary>
    /// <param name="descriptor">1 or 2.</param>
    /// <param name="piece">What the guest wrote.</param>
    /// <param name="lines">Lines that the call has ended so far, and has when this returns.</param>
    public void WriteStream(int descriptor, ReadOnlySpan<byte> piece, ref int lines)
    {
        var free = lines == 0 ? 1 : 0;
        var ended = log.Stream(descriptor, piece, limits.MaxHostCalls - Meter.HostCalls + free);
        lines += ended;
        if (ended > free) CountHostCalls(ended - free);
    }

    private void CountHostCalls(int calls)
    {
        if (Meter.CountHostCalls(calls) <= limits.MaxHostCalls) return;
        throw new WasmTrapException(TrapKind.HostCallLimit, $"more than {limits.MaxHostCalls} host calls");
    }

    private HostReturn Enter(WorldFunction function, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        if (!_mayLeave)
        {
            throw GuestText.Lie(
                $"{function.Module}.{function.Name} was called while the host used the guest's exports");
        }
        CountHostCalls(1);
        Meter.LeaveGuest();
        try
        {
            return function.Body(this, arguments, results);
        }
        finally
        {
            Meter.EnterGuest();
        }
    }
}

/// <summary>A host call that waits for its answer: all that must be kept of it. Immutable.</summary>
internal sealed record BlockedCall(AnswerKind Kind, uint ReturnArea)
{
    /// <summary>What was asked; null after a snapshot, which leaves that to the run's journal.</summary>
    public HostCall? Call { get; init; }
}
