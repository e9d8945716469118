using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>
/// Leaving and re-entering a function at its calls. After a call that may suspend, one compare sends an unwinding
/// guest to code at the end of the function that pushes the live operands, then the locals, then the call site. A
/// rewinding guest pops the same in reverse at the entry, jumps back before that call, and makes it again.
/// </content>
internal sealed partial class FunctionEmitter
{
    /// <summary>Operands saved over all call sites of a function: their product could otherwise be made to
    /// explode.</summary>
    private const int MaxSavedOperands = 100_000;

    private readonly List<CallSite> _sites = [];
    private Label _rewind;
    private LocalBuilder? _site;
    private int _savedOperands;

    private sealed record CallSite(
        Label Resume, Label Unwind, WasmValueType[] Operands, Type? DelegateType, LocalBuilder? Code);

    private bool Suspendable => _module.Suspension.MaySuspend(_function);

    private void SuspensionPrologue()
    {
        if (!Suspendable) return;
        _rewind = _il.DefineLabel();
        _site = Declare(typeof(int));
        Instance();
        Call(typeof(Suspension), nameof(Suspension.IsRewinding));
        _il.Emit(OpCodes.Brtrue, _rewind);
    }

    /// <summary>Everything is in temporaries here; a rewinding guest comes in where the label is.</summary>
    private CallSite BeginSite(int arguments, Type? delegateType, LocalBuilder? code)
    {
        var operands = new WasmValueType[_stack.Count - arguments];
        for (var i = 0; i < operands.Length; i++) operands[i] = _stack[i].Type;
        if ((_savedOperands += operands.Length) > MaxSavedOperands)
            throw new WasmModuleException(ModuleFault.TooLarge, "a function keeps too many operands over calls", _at);
        var site = new CallSite(_il.DefineLabel(), _il.DefineLabel(), operands, delegateType, code);
        _sites.Add(site);
        _il.MarkLabel(site.Resume);
        return site;
    }

    private void EndSite(CallSite site, FunctionType type, bool allInBuffer)
    {
        var first = type.Results.Length > 0 && !allInBuffer;
        if (first) _il.Emit(OpCodes.Stloc, Temporary(site.Operands.Length, type.Results[0]));
        Instance();
        Call(typeof(Suspension), nameof(Suspension.IsUnwinding));
        _il.Emit(OpCodes.Brtrue, site.Unwind);
        if (!allInBuffer) Consume(type.Parameters.Length);
        if (first) _stack.Add(new Operand(type.Results[0], 1));
    }

    private void SuspensionEpilogue()
    {
        if (_sites.Count == 0)
        {
            if (!Suspendable) return;
            _il.MarkLabel(_rewind);
            Unknown();
            return;
        }

        var save = _il.DefineLabel();
        for (var k = 0; k < _sites.Count; k++)
        {
            _il.MarkLabel(_sites[k].Unwind);
            var operands = _sites[k].Operands;
            for (var i = 0; i < operands.Length; i++)
            {
                _il.Emit(OpCodes.Ldloc, Temporary(i, operands[i]));
                Push(operands[i]);
            }

            _il.Constant(k);
            _il.Emit(OpCodes.Stloc, _site!);
            _il.Emit(OpCodes.Br, save);
        }

        _il.MarkLabel(save);
        for (var i = 0; i < _localTypes.Length; i++)
        {
            if (i < _parameters) _il.LoadArgument(i);
            else _il.Emit(OpCodes.Ldloc, _locals[i]!);
            Push(_localTypes[i]);
        }

        _il.Emit(OpCodes.Ldloc, _site!);
        Instance();
        _il.Constant(_function);
        Call(typeof(Suspension), nameof(Suspension.PushFrame));
        if (_type.Results.Length > 0) Nothing(_type.Results[0]);
        _il.Emit(OpCodes.Ret);
        Rewind();
    }

    private void Rewind()
    {
        _il.MarkLabel(_rewind);
        Instance();
        _il.Constant(_function);
        Call(typeof(Suspension), nameof(Suspension.PopFrame));
        _il.Emit(OpCodes.Stloc, _site!);
        for (var i = _localTypes.Length - 1; i >= 0; i--)
        {
            Pop(_localTypes[i]);
            if (i < _parameters) _il.StoreArgument(i);
            else _il.Emit(OpCodes.Stloc, _locals[i]!);
        }

        var labels = new Label[_sites.Count];
        for (var k = 0; k < labels.Length; k++) labels[k] = _il.DefineLabel();
        _il.Emit(OpCodes.Ldloc, _site!);
        _il.Emit(OpCodes.Switch, labels);
        Unknown();
        for (var k = 0; k < labels.Length; k++)
        {
            _il.MarkLabel(labels[k]);
            var site = _sites[k];
            for (var i = site.Operands.Length - 1; i >= 0; i--)
            {
                Pop(site.Operands[i]);
                _il.Emit(OpCodes.Stloc, Temporary(i, site.Operands[i]));
            }

            if (site.DelegateType is not null)
            {
                Instance();
                Call(typeof(Suspension), nameof(Suspension.NextCallee));
                _il.Emit(OpCodes.Castclass, site.DelegateType);
                _il.Emit(OpCodes.Stloc, site.Code!);
            }

            _il.Emit(OpCodes.Br, site.Resume);
        }
    }

    private void Unknown()
    {
        Call(typeof(Suspension), nameof(Suspension.UnknownSite));
        _il.Emit(OpCodes.Ldnull);
        _il.Emit(OpCodes.Throw);
    }

    private void Push(WasmValueType type)
    {
        Instance();
        Call(typeof(Suspension), "Push" + ClrTypes.Suffix(type));
    }

    private void Pop(WasmValueType type)
    {
        Instance();
        Call(typeof(Suspension), "Pop" + ClrTypes.Suffix(type));
    }

    /// <summary>A result that nobody looks at.</summary>
    private void Nothing(WasmValueType type)
    {
        switch (type)
        {
            case WasmValueType.I32: _il.Constant(0); break;
            case WasmValueType.I64: _il.Constant(0L); break;
            case WasmValueType.F32: _il.Emit(OpCodes.Ldc_R4, 0f); break;
            case WasmValueType.F64: _il.Emit(OpCodes.Ldc_R8, 0d); break;
            case WasmValueType.V128:
                _il.Emit(OpCodes.Ldc_I8, 0L);
                _il.Emit(OpCodes.Ldc_I8, 0L);
                Call(typeof(VectorOps), nameof(VectorOps.Constant));
                break;
            default: _il.Emit(OpCodes.Ldnull); break;
        }
    }
}
