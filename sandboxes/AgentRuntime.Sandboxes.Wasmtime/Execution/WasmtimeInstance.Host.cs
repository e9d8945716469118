using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <content>What the guest calls.</content>
internal sealed unsafe partial class WasmtimeInstance
{
    /// <summary>The callback of every import; the data is the import's number among the functions.</summary>
    public static delegate* unmanaged[Cdecl]<nint, nint, NativeValue*, nuint, nint> HostCallback => &OnHostCall;

    // No exception may leave: the library's frames cannot be unwound. It is kept, and thrown again where the call
    // began.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnHostCall(nint data, nint caller, NativeValue* values, nuint count)
    {
        if (GuestThread.Current?.Running is { } owner && owner.EnterHost((int)data, caller, values)) return 0;
        fixed (byte* message = "host"u8) return Api.TrapNew(message, 4);
    }

    private bool EnterHost(int import, nint caller, NativeValue* values)
    {
        InGuest = false;
        var outer = _caller;
        try
        {
            if (_instance.StoreId == 0) ReachThrough(caller);
            return CallHost(import, values);
        }
        catch (Exception e)
        {
            _thrown = e;
            return false;
        }
        finally
        {
            _caller = outer;
            InGuest = true;
            if (!Watched) EpochTicker.Watch(this);
        }
    }

    // A start function calls the host before the library has given the instance out.
    private void ReachThrough(nint caller)
    {
        _caller = caller;
        FindMemory();
    }

    [SkipLocalsInit]
    private bool CallHost(int import, NativeValue* values)
    {
        var host = _hosts[import];
        var type = host.Type;
        // Room in the frame, which costs nothing, for as many as nearly all functions have.
        Unsafe.SkipInit(out FewValues fewArguments);
        Unsafe.SkipInit(out FewValues fewResults);
        var results = type.Results.Length <= FewValues.Count
            ? ((Span<WasmValue>)fewResults)[..type.Results.Length] : new WasmValue[type.Results.Length];
        if (_journal is { Replaying: true })
        {
            if (!ReplayHost(import, results)) return false;
        }
        else
        {
            var arguments = type.Parameters.Length <= FewValues.Count
                ? ((Span<WasmValue>)fewArguments)[..type.Parameters.Length] : new WasmValue[type.Parameters.Length];
            ValuePacking.Unpack(type.Parameters, values, arguments);
            results.Clear();
            _journal?.Append(ReplayStep.Host, import, []);
            if (host.Body(this, arguments, results) == HostReturn.Suspend)
            {
                BeginSuspension(import, host);
                return false;
            }

            NoteHostEnd(import, results);
        }

        ValuePacking.Pack(type.Results, results, values);
        return true;
    }

    // A module that imports one name twice: the linker knows names only.
    private nint InstantiateByPosition(NativeInstance* instance, nint* trap)
    {
        // On the heap: a module may import more than a thread's stack has room for.
        var imports = new NativeExtern[_hosts.Length];
        for (var i = 0; i < _hosts.Length; i++)
        {
            NativeFunction function;
            var type = NativeTypesOf.Function(_hosts[i].Type);
            Api.FunctionNew(_context, type, HostCallback, i, 0, &function);
            Api.FunctionTypeDelete(type);
            imports[i] = new NativeExtern { Kind = ExternTag.Function, Function = function };
        }

        fixed (NativeExtern* first = imports)
            return Api.InstanceNew(_context, _code.Module, first, (nuint)imports.Length, instance, trap);
    }

    [InlineArray(Count)]
    private struct FewValues
    {
        public const int Count = 8;
        private WasmValue _first;
    }
}
