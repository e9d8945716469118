using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>
/// The state of one instance, which emitted code receives as an argument and reaches through accessors only. Never
/// reused: only its memory's space is (<see cref="MemorySlabs"/>), so that a stale handle reaches nobody else.
/// Single-writer; <see cref="Interrupt"/> and the epoch ticker's fields alone are shared between threads.
/// </summary>
internal sealed partial class ManagedInstance : IWasmInstance
{
    /// <summary>
    /// The most that is given back over an instance's life for machine code being made. Only the process's total is
    /// known while a guest runs, so that a guest could otherwise run as long as others keep the JIT busy. Three times
    /// what a compilation may take.
    /// </summary>
    internal static readonly long MaxCredit = 30 * Stopwatch.Frequency;

    /// <summary>0, or the <see cref="TrapKind"/> that the next epoch check throws.</summary>
    internal int Pending;

    /// <summary>Always zero, which the JIT does not know.</summary>
    internal int Zero;

    internal GuestState State;

    /// <summary>The lowest address that a frame may reach, or the highest of all once <see cref="Pending"/> is
    /// set.</summary>
    internal nuint StackLimit;

    internal long Fuel;
    internal LinearMemory Memory0 = null!;
    internal WasmGlobal[] Globals = [];
    internal WasmTable[] Tables = [];
    internal FunctionType[] Types;
    internal ValueBuffer Buffer = null!;
    internal FunctionReference?[] Links = [];
    internal WasmValue[] HostStack = [];

    internal volatile bool InGuest;
    internal volatile bool Watched;
    internal int IdleTicks;
    internal long CpuUsed;
    internal long CpuLimit;

    /// <summary>Time of the JIT's that is still given back.</summary>
    internal long CreditLeft = MaxCredit;

    private readonly ManagedModule _module;
    private readonly CompiledCode _code;
    private FunctionReference?[] _references = [];
    private bool[] _elementsDropped = [];
    private bool[] _dataDropped = [];
    private HostFunction?[] _hosts = [];
    private int _hostTop;
    private int _depth;
    private int _tableBudget;
    private int _nesting;
    private bool _failed;
    private string? _lastName;
    private EntryPoint? _lastEntry;

    internal ManagedInstance(ManagedModule module, CompiledCode code)
    {
        _module = module;
        _code = code;
        Types = module.Model.Types;
    }

    public IGuestMemory? Memory => Memory0;

    /// <summary>Whether the memory belongs to this instance alone, and its array may be used again.</summary>
    internal bool OwnsMemory { get; init; }

    /// <summary>The call depth that the next call by the host has left.</summary>
    internal int Depth => _depth;

    /// <summary>Time charged so far.</summary>
    internal TimeSpan CpuTime => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref CpuUsed));

    internal ManagedModule Module => _module;

    public void Interrupt(TrapKind kind)
    {
        Interlocked.CompareExchange(ref Pending, (int)kind, 0);
        TakeStack();
    }

    /// <summary>
    /// Makes the next function entry trap. The guest's thread may be setting its limit at this moment and undo it;
    /// the epoch ticker sees to it again, and loop heads read <see cref="Pending"/> itself.
    /// </summary>
    internal void TakeStack() => StackLimit = nuint.MaxValue;

    /// <summary>Charges time, less what the JIT worked meanwhile in the process. The epoch ticker's.</summary>
    /// <param name="passed">Ticks since the last charge.</param>
    /// <param name="made">Ticks of the JIT's that ended since.</param>
    internal void Charge(long passed, long made)
    {
        var used = CpuUsed + passed;
        var credit = Math.Min(made, Math.Min(CreditLeft, used));
        CreditLeft -= credit;
        CpuUsed = used - credit;
    }

    public WasmCallStatus Call(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var entry = ReferenceEquals(export, _lastName) ? _lastEntry! : Find(export);
        if (arguments.Length != entry.Type.Parameters.Length || results.Length < entry.Type.Results.Length)
            throw new ArgumentException($"{export} is {entry.Type}", nameof(arguments));
        return State == GuestState.Suspended ? RunBeside(entry, arguments, results) : Run(entry, arguments, results);
    }

    public void Dispose()
    {
        _failed = true;
        IdleTicks = int.MaxValue / 2;
        if (Memory0 is null || !OwnsMemory) return;
        // A guest that still runs, against the contract, keeps its array: the collector frees it.
        if (_nesting > 0) Interrupt(TrapKind.Stopped);
        else Memory0.Dispose();
    }

    /// <summary>For the corpus alone, whose scripts go on with instances that trapped.</summary>
    internal void ForgetFailure() => _failed = false;

    private EntryPoint Find(string export)
    {
        var function = _module.FunctionExport(export);
        if (function < 0) throw new ArgumentException($"no exported function '{export}'", nameof(export));
        _lastEntry = _code.Entry(function);
        _lastName = export;
        return _lastEntry;
    }

    private WasmCallStatus Run(EntryPoint entry, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        if (_failed) throw new InvalidOperationException("the instance trapped or was disposed");
        // A call from a host function, such as cabi_realloc, goes on at the depth of its caller.
        var limit = StackLimit;
        var depth = _depth;
        _nesting++;
        StackLimit = StackGuard.Limit;
        InGuest = true;
        if (Pending != 0) TakeStack();
        if (!Watched) EpochTicker.Watch(this);
        try
        {
            entry.Code(this, arguments, results);
            return State == GuestState.Unwinding ? Suspended(entry) : WasmCallStatus.Completed;
        }
        catch (Exception e)
        {
            _failed = true;
            if (e is WasmTrapException trap) Locate(trap);
            if (e is InvalidProgramException) throw BeyondTheJit(e);
            throw;
        }
        finally
        {
            InGuest = false;
            _nesting--;
            StackLimit = _nesting > 0 && Pending != 0 ? nuint.MaxValue : limit;
            _depth = depth;
        }
    }

    // It makes machine code of a function when that is called, if it has not before (decision record 0104).
    private static WasmModuleException BeyondTheJit(Exception e) =>
        new(ModuleFault.TooLarge, "a function is more than the JIT can make machine code of", -1, e);

    private void Locate(WasmTrapException trap)
    {
        if (trap.Offset < 0 || trap.FunctionIndex >= 0) return;
        trap.FunctionIndex = _module.Model.FunctionAt(trap.Offset);
        if (trap.FunctionIndex >= 0) trap.FunctionName = _module.Model.NameOf(trap.FunctionIndex);
    }

    internal int ReserveHostSlots(int slots)
    {
        var at = _hostTop;
        _hostTop += slots;
        if (_hostTop > HostStack.Length)
            Array.Resize(ref HostStack, Math.Max(_hostTop, Math.Max(16, HostStack.Length * 2)));
        return at;
    }

    internal void CallHost(int import, int slot, int depth)
    {
        var host = _hosts[import]!;
        var type = host.Type;
        if (State == GuestState.Rewinding)
        {
            HandResults(import, slot, type);
            return;
        }

        var outer = _depth;
        var stack = HostStack;
        _depth = depth;
        InGuest = false;
        try
        {
            var parameters = type.Parameters.Length;
            var results = stack.AsSpan(slot + parameters, type.Results.Length);
            var done = host.Body(this, stack.AsSpan(slot, parameters), results);
            if (done == HostReturn.Completed) results.CopyTo(HostStack.AsSpan(slot));
            else BeginSuspension(import, host);
        }
        finally
        {
            InGuest = true;
            _depth = outer;
            _hostTop = slot;
        }

        if (!Watched) EpochTicker.Watch(this);
    }

    internal Delegate MakeDelegate(int function) => _code.MakeDelegate(this, function);

    internal FunctionReference Reference(int function)
    {
        if (_references.Length == 0) _references = new FunctionReference?[_code.ReferenceCount];
        ref var known = ref _references[_code.OrdinalOf(function)];
        return known ??= function < Links.Length && Links[function] is { } linked
            ? linked
            : new FunctionReference(this, _module.Model.Functions[function], function);
    }

    internal ReadOnlySpan<byte> DataSegment(int segment)
    {
        var data = _module.Model.Data[segment];
        return _dataDropped[segment] ? default : _module.Model.Bytes.AsSpan(data.Offset, data.Length);
    }

    internal void DropData(int segment) => _dataDropped[segment] = true;

    /// <summary>What is left of an element segment. It stays as the module has it, for all instances.</summary>
    internal ReadOnlySpan<ElementItem> ElementSegment(int segment) =>
        _elementsDropped[segment] ? [] : _module.Model.Elements[segment].Items;

    internal void DropElements(int segment) => _elementsDropped[segment] = true;

    internal bool MayGrow(WasmTable table, int count) => (uint)count <= (uint)_tableBudget && table.MayGrow(count);

    /// <summary>Grows a table that may; returns its old length.</summary>
    internal int GrowTable(WasmTable table, object? value, int count)
    {
        _tableBudget -= count;
        return table.Grow(value, count);
    }
}
