using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// One instance in a store of its own. After a suspension it is another instance in another store, brought to the same
/// point. Single-writer; <see cref="Interrupt"/> and the epoch ticker's members alone are shared between threads.
/// </summary>
internal sealed unsafe partial class WasmtimeInstance : IWasmInstance
{
    /// <summary>CPU time that playing back may take in all, in the guest's own limit, a second at least.</summary>
    private const int MostReplays = 16;

    private readonly WasmtimeModule _module;
    private readonly CompiledModule _code;
    private readonly HostFunction[] _hosts;
    private readonly InstanceLimits _limits;
    private readonly GuestMemory? _memory;
    private readonly NativeFunction[] _functions;
    private readonly long _cpuLimit;
    private GuestStore? _store;
    private nint _context;
    private NativeInstance _instance;
    private NativeMemory _nativeMemory;
    private nint _caller;
    private ExportedFunction? _last;
    private Exception? _thrown;
    private int _pending;
    private int _nesting;
    private long _cpuUsed;
    private bool _failed;

    /// <summary>An instance that is not there yet.</summary>
    public WasmtimeInstance(
        WasmtimeModule module, CompiledModule code, HostFunction[] hosts, InstanceLimits limits, int maxJournalBytes)
    {
        _module = module;
        _code = code;
        _hosts = hosts;
        _limits = limits;
        _cpuLimit = (long)(limits.MaxCpuTime.TotalSeconds * Stopwatch.Frequency);
        _functions = module.Functions.Count == 0 ? [] : new NativeFunction[module.Functions.Count];
        if (module.MemoryName is not null) _memory = new GuestMemory(this);
        if (Array.Exists(hosts, h => h.MayBlock)) _journal = new ReplayJournal(maxJournalBytes);
    }

    /// <summary>Instantiates; the start function has run when this returns.</summary>
    public WasmtimeInstance Started()
    {
        try
        {
            Instantiate();
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IGuestMemory? Memory => _memory;

    public NativeEngine Engine => _code.Engine;

    /// <summary>Whether guest code runs now. Written by the guest's thread, read by the ticker.</summary>
    public volatile bool InGuest;

    /// <summary>Whether the ticker watches.</summary>
    public volatile bool Watched;

    /// <summary>Ticks without guest code; the ticker's.</summary>
    public int IdleTicks;

    /// <summary>Fuel that remains; null without fuel.</summary>
    internal ulong? Fuel
    {
        get
        {
            if (_limits.Fuel is null || _store is null) return null;
            ulong fuel;
            var error = Api.ContextGetFuel(_context, &fuel);
            return error == 0 ? fuel : throw new InvalidOperationException(TrapTranslation.TakeError(error));
        }
    }

    public void Interrupt(TrapKind kind)
    {
        RequestStop(kind);
        Engine.IncrementEpoch();
    }

    /// <summary>Makes the next look at the epoch the last one.</summary>
    public void RequestStop(TrapKind kind) => Interlocked.CompareExchange(ref _pending, (int)kind, 0);

    /// <summary>What the guest asks when the epoch has changed. On its thread.</summary>
    public bool MayGoOn()
    {
        var pending = Volatile.Read(ref _pending);
        if (pending == 0) return true;
        _thrown = new WasmTrapException((TrapKind)pending);
        return false;
    }

    public WasmCallStatus Call(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var target = ReferenceEquals(export, _last?.Name) ? _last! : Find(export);
        if (arguments.Length != target.Type.Parameters.Length || results.Length < target.Type.Results.Length)
            throw new ArgumentException($"{export} is {target.Type}", nameof(arguments));
        if (_journal is null) return Run(target, arguments, results);
        return Recorded(target, arguments, results);
    }

    public void Dispose()
    {
        _failed = true;
        IdleTicks = int.MaxValue / 2;
        // A guest that still runs, against the contract, keeps its store: the collector frees both.
        if (_nesting > 0) Interrupt(TrapKind.Stopped);
        else ReleaseStore();
    }

    private void ReleaseStore()
    {
        _store?.Dispose();
        _store = null;
        _context = 0;
        // What names things of that store must never be shown to another: the library would end the process.
        (_instance, _nativeMemory) = (default, default);
        Array.Clear(_functions);
    }

    private void Instantiate()
    {
        CheckSizes();
        var thread = GuestThread.Enter(_module.GuestStackBytes);
        _store = new GuestStore(Engine, this, _limits);
        _context = _store.Context;
        if (_limits.Fuel is { } fuel) Check(Api.ContextSetFuel(_context, (ulong)fuel));
        NativeInstance instance;
        nint trap = 0;
        var outer = thread.Running;
        thread.Running = this;
        EnterGuest(_module.Scan.HasStart);
        var error = _code.InstancePre is { } linked
            ? Api.InstancePreInstantiate(linked, _context, &instance, &trap)
            : InstantiateByPosition(&instance, &trap);
        LeaveGuest(false);
        thread.Running = outer;
        if ((error | trap) != 0)
        {
            if (_suspending)
            {
                Api.ErrorDelete(error);
                throw new InvalidOperationException("a start function cannot suspend");
            }

            Fail(error, trap);
        }

        _instance = instance;
        FindMemory();
    }

    private void FindMemory()
    {
        if (_module.MemoryName is { } name && TryExport(name, out var item)) _nativeMemory = item.Memory;
    }

    /// <summary>An export of the instance: while its start function runs, as the host function's caller has
    /// it.</summary>
    private bool TryExport(byte[] utf8, out NativeExtern item)
    {
        item = default;
        fixed (NativeExtern* found = &item)
        fixed (NativeInstance* instance = &_instance)
        fixed (byte* name = utf8)
        {
            if (instance->StoreId != 0)
                return Api.InstanceExport(_context, instance, name, (nuint)utf8.Length, found) != 0;
            return _caller != 0 && Api.CallerExport(_caller, name, (nuint)utf8.Length, found) != 0;
        }
    }

    // The limiter refuses the same, with an error that reads like any other.
    private void CheckSizes()
    {
        if (_module.Scan.MemoryPages * GuestMemory.PageBytes > _limits.MaxMemoryBytes)
        {
            throw new WasmTrapException(TrapKind.ResourceLimit,
                $"memory of {_module.Scan.MemoryPages} pages exceeds {_limits.MaxMemoryBytes} bytes");
        }

        if (_module.Scan.TableElements > _limits.MaxTableElements)
        {
            throw new WasmTrapException(TrapKind.ResourceLimit,
                $"tables of {_module.Scan.TableElements} elements exceed {_limits.MaxTableElements}");
        }
    }

    [SkipLocalsInit]
    private WasmCallStatus Run(
        ExportedFunction target, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        if (_store is null) Materialize();
        if (_failed || _store is null) throw new InvalidOperationException("the instance trapped or was disposed");
        if (!MayGoOn())
        {
            _failed = true;
            throw TakeThrown()!;
        }

        var thread = GuestThread.Enter(_module.GuestStackBytes);
        FewSlots few;
        var raw = (NativeValue*)&few;
        if (target.Slots > FewSlots.Count)
        {
            var many = stackalloc NativeValue[target.Slots];
            raw = many;
        }

        ValuePacking.Pack(target.Type.Parameters, arguments, raw);
        var function = Native(target);
        nint trap = 0;
        var outer = thread.Running;
        thread.Running = this;
        var nested = EnterGuest(watch: true);
        var error = Api.FunctionCall(_context, &function, raw, (nuint)target.Slots, &trap);
        LeaveGuest(nested);
        thread.Running = outer;
        if ((error | trap) != 0)
        {
            if (_suspending) return Suspended(target, error);
            Fail(error, trap);
        }

        ValuePacking.Unpack(target.Type.Results, raw, results);
        return WasmCallStatus.Completed;
    }

    private bool EnterGuest(bool watch)
    {
        var nested = InGuest;
        _nesting++;
        InGuest = true;
        if (watch && !Watched) EpochTicker.Watch(this);
        return nested;
    }

    private void LeaveGuest(bool nested)
    {
        InGuest = nested;
        _nesting--;
        GC.KeepAlive(_store);
    }

    // What was thrown by a host function or asked for from outside comes back as an error; an instruction's trap as a
    // trap. Either is owned here.
    private void Fail(nint error, nint trap)
    {
        _failed = true;
        var thrown = TakeThrown();
        if (trap != 0)
        {
            var interrupted = Volatile.Read(ref _pending);
            throw TrapTranslation.TakeTrap(
                trap, NativeRelease.Loaded, interrupted == 0 ? TrapKind.Stopped : (TrapKind)interrupted,
                _module.Scan.ExportedName);
        }

        if (thrown is null) throw Refusal(TrapTranslation.TakeError(error));
        if (thrown is WasmTrapException trapped)
            TrapTranslation.TakeErrorInto(error, trapped, _module.Scan.ExportedName);
        else Api.ErrorDelete(error);
        ExceptionDispatchInfo.Throw(thrown);
    }

    private Exception? TakeThrown()
    {
        var thrown = _thrown;
        _thrown = null;
        return thrown;
    }

    private static Exception Refusal(string message) =>
        message.Contains("maximum concurrent", StringComparison.Ordinal)
            ? new RuntimeErrorException(new RuntimeError(
                ReasonCodes.SandboxBusy,
                "As many guests live in the sandbox engine's pool as it has room for.",
                Action: "Try again later, or let fewer runs live at once.")
            { RetryAfter = TimeSpan.FromSeconds(1) })
            : message.Contains("exceeds", StringComparison.Ordinal)
            ? new WasmTrapException(TrapKind.ResourceLimit, message.Split('\n')[0])
            : new WasmLinkException(message.Split('\n')[0]);

    private ExportedFunction Find(string export) =>
        _last = _module.Function(export)
            ?? throw new ArgumentException($"no exported function '{export}'", nameof(export));

    private NativeFunction Native(ExportedFunction target)
    {
        ref var known = ref _functions[target.Ordinal];
        if (known.StoreId != 0) return known;
        if (!TryExport(target.Utf8, out var item) || item.Kind != ExternTag.Function)
            throw new InvalidOperationException($"the instance lacks its export '{target.Name}'");
        return known = item.Function;
    }

    private static void Check(nint error)
    {
        if (error != 0) throw new InvalidOperationException(TrapTranslation.TakeError(error));
    }

    /// <summary>Adds to what the guest used, and says whether that is too much. The ticker's.</summary>
    public bool Charge(long passed)
    {
        if (!_replaying) return (_cpuUsed += passed) > _cpuLimit;
        // Doing it again is not the guest's fault; it takes as long as before, or something is wrong. But one that
        // computes long and waits often would have it done without end.
        _replayedInAll += passed;
        return (_replayUsed += passed) > (2 * _cpuUsed) + Stopwatch.Frequency
            || _replayedInAll > MostReplays * Math.Max(_cpuLimit, Stopwatch.Frequency);
    }

    [InlineArray(Count)]
    private struct FewSlots
    {
        public const int Count = 8;
        private NativeValue _first;
    }

    private sealed class GuestMemory(WasmtimeInstance owner) : IGuestMemory
    {
        public const long PageBytes = 65_536;

        public long LengthBytes
        {
            get
            {
                owner.Materialize();
                if (owner._nativeMemory.StoreId == 0) return 0;
                fixed (NativeMemory* memory = &owner._nativeMemory)
                    return (long)Api.MemoryDataSize(owner._context, memory);
            }
        }

        public Span<byte> Slice(uint address, uint lengthBytes)
        {
            var window = owner.Window(address, lengthBytes);
            owner.NoteWindow(address, window);
            return window;
        }

        public ReadOnlySpan<byte> View(uint address, uint lengthBytes) => owner.Window(address, lengthBytes);
    }

    private Span<byte> Window(uint address, uint lengthBytes)
    {
        if (_store is null) Materialize();
        if (_nativeMemory.StoreId != 0)
        {
            fixed (NativeMemory* memory = &_nativeMemory)
            {
                var size = Api.MemoryDataSize(_context, memory);
                if ((ulong)address + lengthBytes <= size && lengthBytes <= int.MaxValue)
                    return new Span<byte>(Api.MemoryData(_context, memory) + address, (int)lengthBytes);
            }
        }

        if (address + (ulong)lengthBytes == 0) return default;
        throw new WasmTrapException(TrapKind.MemoryOutOfBounds, $"{lengthBytes} bytes at {address}");
    }
}
