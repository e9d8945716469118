using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <summary>
/// The state of one instance, which emitted code receives as an argument and reaches through accessors only.
/// Single-writer; <see cref="Interrupt"/> and the epoch ticker's fields alone are shared between threads.
/// </summary>
internal sealed partial class ManagedInstance : IWasmInstance
{
    /// <summary>0, or the <see cref="TrapKind"/> that the next epoch check throws.</summary>
    internal int Pending;

    internal nuint StackLimit;
    internal long Fuel;
    internal LinearMemory Memory0 = null!;
    internal WasmGlobal[] Globals = [];
    internal WasmTable[] Tables = [];
    internal FunctionType[] Types = [];
    internal ValueBuffer Buffer = null!;
    internal FunctionReference?[] Links = [];
    internal WasmValue[] HostStack = [];

    internal volatile bool InGuest;
    internal volatile bool Watched;
    internal int IdleTicks;
    internal long CpuUsed;
    internal long CpuLimit;

    private readonly ManagedModule _module;
    private readonly FunctionReference?[] _references;
    private readonly object?[]?[] _elements;
    private readonly bool[] _dataDropped;
    private HostFunction?[] _hosts = [];
    private int _hostTop;
    private int _depth;
    private int _tableBudget;
    private bool _failed;
    private string? _lastName;
    private EntryPoint? _lastEntry;

    internal ManagedInstance(ManagedModule module)
    {
        _module = module;
        _references = new FunctionReference?[module.Model.Functions.Count];
        _elements = new object?[]?[module.Model.Elements.Length];
        _dataDropped = new bool[module.Model.Data.Length];
        Types = module.Model.Types;
    }

    public IGuestMemory? Memory => Memory0;

    /// <summary>Time charged so far.</summary>
    internal TimeSpan CpuTime => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref CpuUsed));

    public void Interrupt(TrapKind kind) => Interlocked.CompareExchange(ref Pending, (int)kind, 0);

    public WasmCallStatus Call(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var entry = ReferenceEquals(export, _lastName) ? _lastEntry! : Find(export);
        if (arguments.Length != entry.Type.Parameters.Length || results.Length < entry.Type.Results.Length)
            throw new ArgumentException($"{export} is {entry.Type}", nameof(arguments));
        return Run(entry, arguments, results);
    }

    public WasmCallStatus Resume(ReadOnlySpan<WasmValue> hostResults, Span<WasmValue> results) =>
        throw new InvalidOperationException("the instance is not suspended");

    public void Dispose() => _failed = true;

    /// <summary>For the corpus alone, whose scripts go on with instances that trapped.</summary>
    internal void ForgetFailure() => _failed = false;

    private EntryPoint Find(string export)
    {
        var entry = _module.Entry(export) ?? throw new ArgumentException($"no exported function '{export}'", nameof(export));
        _lastEntry = entry;
        _lastName = export;
        return entry;
    }

    internal WasmCallStatus Run(EntryPoint entry, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        if (_failed) throw new InvalidOperationException("the instance trapped or was disposed");
        // A call from a host function, such as cabi_realloc, goes on at the depth and the stack of its caller.
        var nested = InGuestCall;
        var limit = StackLimit;
        var depth = _depth;
        InGuestCall = true;
        StackLimit = StackGuard.Limit;
        InGuest = true;
        if (!Watched) EpochTicker.Watch(this);
        try
        {
            entry.Code(this, arguments, results, depth);
            return WasmCallStatus.Completed;
        }
        catch (Exception e)
        {
            _failed = true;
            if (e is WasmTrapException trap) Locate(trap);
            throw;
        }
        finally
        {
            InGuest = false;
            InGuestCall = nested;
            StackLimit = limit;
            _depth = depth;
        }
    }

    /// <summary>Whether a call is on this instance's stack, also while a host function runs.</summary>
    internal bool InGuestCall { get; private set; }

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
        if (_hostTop > HostStack.Length) Array.Resize(ref HostStack, Math.Max(_hostTop, HostStack.Length * 2));
        return at;
    }

    internal void CallHost(int import, int slot, int depth)
    {
        var host = _hosts[import]!;
        var type = host.Type;
        var outer = _depth;
        var stack = HostStack;
        _depth = depth;
        InGuest = false;
        try
        {
            var parameters = type.Parameters.Length;
            var results = stack.AsSpan(slot + parameters, type.Results.Length);
            var done = host.Body(this, stack.AsSpan(slot, parameters), results);
            if (done != HostReturn.Completed) throw new InvalidOperationException("this call cannot suspend");
            results.CopyTo(HostStack.AsSpan(slot));
        }
        finally
        {
            InGuest = true;
            _depth = outer;
            _hostTop = slot;
        }

        if (!Watched) EpochTicker.Watch(this);
    }

    internal FunctionReference Reference(int function)
    {
        if (_references[function] is { } known) return known;
        var reference = function < Links.Length && Links[function] is { } linked
            ? linked
            : new FunctionReference(_module.Model.Functions[function], _module.Code.MakeDelegate(this, function), function);
        return _references[function] = reference;
    }

    internal ReadOnlySpan<byte> DataSegment(int segment)
    {
        var data = _module.Model.Data[segment];
        return _dataDropped[segment] ? default : _module.Model.Bytes.AsSpan(data.Offset, data.Length);
    }

    internal void DropData(int segment) => _dataDropped[segment] = true;

    internal object?[] ElementSegment(int segment) => _elements[segment] ?? [];

    internal void DropElements(int segment) => _elements[segment] = null;

    internal int GrowTable(WasmTable table, object? value, int count)
    {
        if ((uint)count > (uint)_tableBudget) return -1;
        var old = table.Grow(value, count);
        if (old >= 0) _tableBudget -= count;
        return old;
    }
}
