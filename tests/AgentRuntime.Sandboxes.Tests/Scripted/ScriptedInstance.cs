using System.Text;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Tests.Scripted;

/// <summary>
/// An instance of a <see cref="ScriptedModule"/>, and what its script can do. When the engine suspends, the script runs
/// on a thread of its own, so that its caller's thread comes back while the script waits.
/// </summary>
internal sealed class ScriptedInstance(ScriptedModule module, IReadOnlyList<HostFunction> functions)
    : IWasmInstance, IGuestMemory
{
    private readonly byte[] _memory = new byte[1 << 20];
    private readonly SemaphoreSlim _toScript = new(0, 1);
    private readonly SemaphoreSlim _toCaller = new(0, 1);
    private uint _top = 4096;
    private TrapKind _interrupt;
    private Exception? _thrown;
    private int _result;
    private bool _suspended;

    public bool Disposed { get; private set; }

    public IGuestMemory? Memory => this;

    public long LengthBytes => _memory.Length;

    /// <summary>Bytes of all windows that could be written to.</summary>
    public long WritableBytes { get; private set; }

    public Span<byte> Slice(uint address, uint lengthBytes)
    {
        WritableBytes += lengthBytes;
        return address + (ulong)lengthBytes <= (ulong)_memory.Length
            ? _memory.AsSpan((int)address, (int)lengthBytes)
            : throw new WasmTrapException(TrapKind.MemoryOutOfBounds);
    }

    public ReadOnlySpan<byte> View(uint address, uint lengthBytes) => address + (ulong)lengthBytes
        <= (ulong)_memory.Length
        ? _memory.AsSpan((int)address, (int)lengthBytes)
        : throw new WasmTrapException(TrapKind.MemoryOutOfBounds);

    public WasmCallStatus Call(string export, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        if (export == "cabi_realloc")
        {
            results[0] = WasmValue.FromI32((int)module.Realloc(this, (uint)arguments[3].AsI32()));
            return WasmCallStatus.Completed;
        }
        Input = Encoding.UTF8.GetString(Slice((uint)arguments[0].AsI32(), (uint)arguments[1].AsI32()));
        new Thread(RunScript) { IsBackground = true }.Start();
        return Hand(results);
    }

    public WasmCallStatus Resume(ReadOnlySpan<WasmValue> hostResults, Span<WasmValue> results)
    {
        _toScript.Release();
        return Hand(results);
    }

    public void Interrupt(TrapKind kind) => _interrupt = kind;

    public void Dispose()
    {
        Disposed = true;
        _interrupt = TrapKind.Stopped;
        if (_suspended) _toScript.Release();
    }

    // What scripts use.

    public string Input { get; private set; } = "";

    public uint Bump(uint size)
    {
        var block = _top;
        _top += (size + 7) & ~7u;
        return block;
    }

    public (int Address, int Length) Put(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var address = Bump((uint)bytes.Length + 1);
        bytes.CopyTo(Slice(address, (uint)bytes.Length));
        return ((int)address, bytes.Length);
    }

    public uint Load(uint address) => BitConverter.ToUInt32(Slice(address, 4));

    public string Text(uint record) => Encoding.UTF8.GetString(Slice(Load(record), Load(record + 4)));

    /// <summary>The import of that index, called as the guest would.</summary>
    public int Import(int index, params int[] arguments)
    {
        CheckInterrupt();
        var results = new WasmValue[functions[index].Type.Results.Length];
        var status = functions[index].Body(this, Array.ConvertAll(arguments, WasmValue.FromI32), results);
        if (status == HostReturn.Suspend)
        {
            _suspended = true;
            _toCaller.Release();
            _toScript.Wait();
            _suspended = false;
        }
        CheckInterrupt();
        return results.Length > 0 ? results[0].AsI32() : 0;
    }

    /// <summary>What <c>run</c> returns for an output.</summary>
    public int Ok(string output) => Result(0, output);

    /// <summary>What <c>run</c> returns for an error.</summary>
    public int Err(string error) => Result(1, error);

    /// <summary>Runs until something from outside stops it.</summary>
    public int Spin()
    {
        SpinWait.SpinUntil(() => _interrupt != 0);
        CheckInterrupt();
        return 0;
    }

    private int Result(byte discriminant, string text)
    {
        var (address, length) = Put(text);
        var area = Bump(12);
        Slice(area, 1)[0] = discriminant;
        BitConverter.TryWriteBytes(Slice(area + 4, 4), address);
        BitConverter.TryWriteBytes(Slice(area + 8, 4), length);
        return (int)area;
    }

    private void CheckInterrupt()
    {
        if (_interrupt == 0) return;
        throw new WasmTrapException(_interrupt) { FunctionName = "script", FunctionIndex = 7, Offset = 0x2a };
    }

    private void RunScript()
    {
        try
        {
            _result = module.Run(this);
        }
        catch (Exception e)
        {
            _thrown = e;
        }
        _toCaller.Release();
    }

    private WasmCallStatus Hand(Span<WasmValue> results)
    {
        _toCaller.Wait();
        if (_thrown is not null) throw _thrown;
        if (_suspended) return WasmCallStatus.Suspended;
        results[0] = WasmValue.FromI32(_result);
        return WasmCallStatus.Completed;
    }
}
