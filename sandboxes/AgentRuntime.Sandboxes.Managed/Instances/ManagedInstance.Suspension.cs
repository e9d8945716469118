using System.Buffers;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <content>Suspending and resuming: the thread leaves with the host call unanswered, and comes back with the
/// answer.</content>
internal sealed partial class ManagedInstance
{
    /// <summary>The arguments of a call that is rewound; no function type has more parameters.</summary>
    private static readonly WasmValue[] Nothing = new WasmValue[1_000];

    private EntryPoint? _suspendedEntry;
    private WasmValue[] _answer = [];
    private bool _beside;

    internal FrameStack Frames => field ??= new FrameStack();

    /// <summary>The export that a suspended instance is in; -1 when it is not suspended.</summary>
    internal int SuspendedFunction { get; private set; } = -1;

    public WasmCallStatus Resume(ReadOnlySpan<WasmValue> hostResults, Span<WasmValue> results)
    {
        if (State != GuestState.Suspended || _suspendedEntry is not { } entry)
            throw new InvalidOperationException("the instance is not suspended");
        var expected = _hosts[PendingImport]!.Type.Results.Length;
        if (hostResults.Length != expected)
            throw new ArgumentException($"the host function has {expected} results", nameof(hostResults));
        if (results.Length < entry.Type.Results.Length)
            throw new ArgumentException($"the export is {entry.Type}", nameof(results));
        _answer = hostResults.ToArray();
        State = GuestState.Rewinding;
        try
        {
            return Run(entry, Nothing.AsSpan(0, entry.Type.Parameters.Length), results);
        }
        catch (InvalidCastException)
        {
            // Frames that no guest of this module could have left.
            throw FrameStack.Corrupt();
        }
    }

    // The host needs the guest's allocator to write an answer into a suspended guest. Such a call leaves the frames
    // alone.
    private WasmCallStatus RunBeside(EntryPoint entry, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        State = GuestState.Running;
        _beside = true;
        try
        {
            return Run(entry, arguments, results);
        }
        finally
        {
            _beside = false;
            State = GuestState.Suspended;
        }
    }

    public void WriteSnapshot(IBufferWriter<byte> destination)
    {
        if (State != GuestState.Suspended || _failed)
            throw new InvalidOperationException("the instance is not suspended");
        SnapshotWriter.Write(this, destination);
    }

    /// <summary>The import whose answer is awaited: the innermost frame.</summary>
    private int PendingImport { get; set; } = -1;

    private void BeginSuspension(int import, HostFunction host)
    {
        if (!host.MayBlock) throw new InvalidOperationException("a host function that is not MayBlock cannot suspend");
        if (_nesting != 1 || _beside)
            throw new InvalidOperationException("a call made by a host function cannot suspend");
        PendingImport = import;
        Frames.PushFrame(import, 0);
        State = GuestState.Unwinding;
    }

    private WasmCallStatus Suspended(EntryPoint entry)
    {
        State = GuestState.Suspended;
        _suspendedEntry = entry;
        SuspendedFunction = _code.FunctionOf(entry);
        return WasmCallStatus.Suspended;
    }

    private void HandResults(int import, int slot, FunctionType type)
    {
        if (import != PendingImport || _answer.Length != type.Results.Length) throw FrameStack.Corrupt();
        Frames.PopFrame(import);
        if (!Frames.IsEmpty) throw FrameStack.Corrupt();
        _answer.CopyTo(HostStack, slot);
        _hostTop = slot;
        _answer = [];
        PendingImport = -1;
        SuspendedFunction = -1;
        _suspendedEntry = null;
        State = GuestState.Running;
    }

    internal Delegate SuspendedCallee() => Callee(Frames.NextFunction);

    private Delegate Callee(int function) =>
        _code.IsReferenced(function) ? Reference(function).Code : throw FrameStack.Corrupt();

    /// <summary>Takes over what a snapshot held; the frames are checked as they are rewound.</summary>
    internal void BecomeSuspended(int entry, int import)
    {
        if (!_code.IsEntry(entry) || (uint)import >= (uint)_hosts.Length
            || _hosts[import] is not { MayBlock: true })
            throw new WasmSnapshotException("the snapshot does not fit the module and its functions");
        SuspendedFunction = entry;
        PendingImport = import;
        _suspendedEntry = _code.Entry(entry);
        State = GuestState.Suspended;
    }

    internal int AwaitedImport => PendingImport;

    internal bool[] DroppedData => _dataDropped;

    internal bool[] DroppedElements => _elementsDropped;

    internal bool IsReferenced(int function) => _code.IsReferenced(function);
}
