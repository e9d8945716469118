using System.Buffers;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <content>
/// Suspension by replay (decision record 0131): the guest's stack is given up by a trap, its memory stays for the host
/// to write the answer into, and on resumption a new instance is brought to the same point by doing again what the host
/// did.
/// </content>
internal sealed unsafe partial class WasmtimeInstance
{
    private readonly ReplayJournal? _journal;
    private readonly List<(uint Address, byte[] Before)> _windows = [];
    private long _windowBytes;
    private ExportedFunction? _suspendedCall;
    private int _suspendedImport = -1;
    private bool _suspending;
    private volatile bool _replaying;
    private long _replayUsed;
    private long _replayedInAll;

    public WasmCallStatus Resume(ReadOnlySpan<WasmValue> hostResults, Span<WasmValue> results)
    {
        if (_suspendedImport < 0 || _failed || _journal is null)
            throw new InvalidOperationException("the instance is not suspended");
        var type = _hosts[_suspendedImport].Type;
        if (hostResults.Length != type.Results.Length)
            throw new ArgumentException($"the host function has {type.Results.Length} results", nameof(hostResults));
        if (results.Length < _suspendedCall!.Type.Results.Length)
            throw new ArgumentException($"the export is {_suspendedCall.Type}", nameof(results));
        NoteHostEnd(_suspendedImport, hostResults);
        if (_journal.Full) throw JournalFull();
        _suspendedImport = -1;
        _suspendedCall = null;
        return Replay(results);
    }

    public void WriteSnapshot(IBufferWriter<byte> destination)
    {
        if (_suspendedImport < 0 || _failed) throw new InvalidOperationException("the instance is not suspended");
        NoteWrites();
        if (_journal!.Full) throw new WasmSnapshotException(JournalFull().Message);
        ReplaySnapshot.Write(
            destination, _module.Digest, Interlocked.Read(ref _cpuUsed), Interlocked.Read(ref _replayedInAll),
            _suspendedImport, _suspendedCall!.Ordinal, _journal.Content);
    }

    /// <summary>Becomes what a snapshot holds: an instance that is not there before it is needed.</summary>
    /// <exception cref="WasmSnapshotException">Damaged, or of another module.</exception>
    public WasmtimeInstance Restored(ReadOnlySpan<byte> snapshot)
    {
        var (cpuUsed, replayed, import, export, journal) = ReplaySnapshot.Read(snapshot, _module.Digest);
        if ((uint)import >= (uint)_hosts.Length || !_hosts[import].MayBlock
            || (uint)export >= (uint)_module.Functions.Count)
            throw new WasmSnapshotException("the snapshot does not fit the module and its functions");
        (_cpuUsed, _replayedInAll) = (cpuUsed, replayed);
        _suspendedImport = import;
        _suspendedCall = _module.Functions[export];
        _journal!.Load(journal);
        return this;
    }

    // The guest of a snapshot comes to life when the host first touches it, and waits again where it waited.
    private void Materialize()
    {
        if (_store is not null || _failed || _suspendedImport < 0) return;
        var (import, call) = (_suspendedImport, _suspendedCall);
        if (Replay([]) != WasmCallStatus.Suspended || _suspendedImport != import || _suspendedCall != call)
        {
            _failed = true;
            throw ReplayJournal.Diverged();
        }
    }

    private WasmCallStatus Replay(Span<WasmValue> results)
    {
        ReleaseStore();
        _journal!.Rewind();
        _replaying = true;
        _replayUsed = 0;
        try
        {
            Instantiate();
            return ReplayCalls(results);
        }
        catch (ArgumentException e)
        {
            // Values that no host of this module could have given.
            _failed = true;
            throw new WasmSnapshotException(e.Message);
        }
        catch
        {
            _failed = true;
            throw;
        }
        finally
        {
            _replaying = false;
        }
    }

    // What the host did from outside. The last call is the one that was suspended: it goes on where the journal ends.
    private WasmCallStatus ReplayCalls(Span<WasmValue> results)
    {
        while (_journal!.Replaying)
        {
            switch (_journal.Next())
            {
                case ReplayStep.Write:
                    ReplayWrite();
                    break;
                case ReplayStep.Call:
                    var (target, arguments, scratch) = NextCall();
                    var status = Run(target, arguments, scratch);
                    if (status == WasmCallStatus.Suspended) return status;
                    if (!_journal.Replaying)
                    {
                        _journal.Append(ReplayStep.CallEnd);
                        scratch.AsSpan().CopyTo(results);
                        return status;
                    }

                    if (_journal.Next() != ReplayStep.CallEnd) throw ReplayJournal.Diverged();
                    break;
                default:
                    throw ReplayJournal.Diverged();
            }
        }

        throw ReplayJournal.Diverged();
    }

    /// <summary>Returns false where the journal ends before the answer: the guest waits again.</summary>
    private bool ReplayHost(int import, Span<WasmValue> results)
    {
        if (_journal!.Next() != ReplayStep.Host || _journal.Index() != import) throw ReplayJournal.Diverged();
        while (_journal.Replaying)
        {
            switch (_journal.Next())
            {
                case ReplayStep.Write:
                    ReplayWrite();
                    break;
                case ReplayStep.Call:
                    var (target, arguments, scratch) = NextCall();
                    if (Run(target, arguments, scratch) != WasmCallStatus.Completed
                        || _journal.Next() != ReplayStep.CallEnd)
                        throw ReplayJournal.Diverged();
                    break;
                case ReplayStep.HostEnd:
                    if (_journal.Index() != import) throw ReplayJournal.Diverged();
                    _journal.Values(results);
                    // From here on the guest's time is its own again.
                    if (!_journal.Replaying) _replaying = false;
                    return true;
                default:
                    throw ReplayJournal.Diverged();
            }
        }

        if (_nesting != 1) throw ReplayJournal.Diverged();
        _suspendedImport = import;
        _suspending = true;
        return false;
    }

    private (ExportedFunction Target, WasmValue[] Arguments, WasmValue[] Results) NextCall()
    {
        var ordinal = _journal!.Index();
        if ((uint)ordinal >= (uint)_module.Functions.Count) throw ReplayJournal.Diverged();
        var target = _module.Functions[ordinal];
        var arguments = new WasmValue[target.Type.Parameters.Length];
        _journal.Values(arguments);
        return (target, arguments, new WasmValue[target.Type.Results.Length]);
    }

    private void ReplayWrite()
    {
        var (address, content) = _journal!.Write();
        content.Span.CopyTo(Window(address, (uint)content.Length));
    }

    private WasmCallStatus Recorded(
        ExportedFunction target, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        NoteWrites();
        _journal!.Append(ReplayStep.Call, target.Ordinal, arguments);
        var status = Run(target, arguments, results);
        if (status == WasmCallStatus.Completed) _journal.Append(ReplayStep.CallEnd);
        return status;
    }

    private void BeginSuspension(int import, HostFunction host)
    {
        if (!host.MayBlock) throw new InvalidOperationException("a host function that is not MayBlock cannot suspend");
        if (_nesting != 1 || _suspendedImport >= 0)
            throw new InvalidOperationException("a call made by a host function cannot suspend");
        NoteWrites();
        if (_journal!.Full) throw JournalFull();
        _suspendedImport = import;
        _suspending = true;
    }

    private WasmCallStatus Suspended(ExportedFunction target, nint error)
    {
        Api.ErrorDelete(error);
        _suspending = false;
        _suspendedCall = target;
        return WasmCallStatus.Suspended;
    }

    private void NoteHostEnd(int import, ReadOnlySpan<WasmValue> results)
    {
        if (_journal is null) return;
        NoteWrites();
        _journal.Append(ReplayStep.HostEnd, import, results);
    }

    // The host may write through a window until it calls the guest or returns to it; only then is it known what.
    private void NoteWindow(uint address, Span<byte> window)
    {
        if (_journal is null || _journal.Full || window.IsEmpty) return;
        // What lies in open windows may all change, and would then have to be kept.
        if (_windows.Count >= 65_536 || !_journal.HasRoomFor(_windowBytes += window.Length)) _journal.MarkFull();
        else _windows.Add((address, window.ToArray()));
    }

    private void NoteWrites()
    {
        foreach (var (address, before) in _windows)
        {
            var now = Window(address, (uint)before.Length);
            if (!now.SequenceEqual(before)) _journal!.AppendWrite(address, now);
        }

        _windows.Clear();
        _windowBytes = 0;
    }

    private static WasmTrapException JournalFull() => new(
        TrapKind.ResourceLimit, "the guest exchanged more with the host than is kept for one that waits");
}
