using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>Blocks, branches and calls.</content>
internal sealed partial class FunctionEmitter
{
    /// <summary>What <see cref="ILGenerator"/> keeps for a target that it does not know yet.</summary>
    private const int BytesPerFixup = 12;

    private void Step(in Instruction i)
    {
        if (!_reachable)
        {
            Skip(in i);
            return;
        }

        _uncharged++;
        if (i.Op <= Opcodes.CallIndirect)
        {
            if (i.Op != Opcodes.Nop) Charge();
            Structured(in i);
        }
        else
        {
            Plain(in i);
        }
    }

    private void Skip(in Instruction i)
    {
        switch (i.Op)
        {
            case Opcodes.Block or Opcodes.Loop or Opcodes.If:
                _skipped++;
                break;
            case Opcodes.Else when _skipped == 0:
                Else();
                break;
            case Opcodes.End when _skipped == 0:
                End();
                break;
            case Opcodes.End:
                _skipped--;
                break;
        }
    }

    private void Charge()
    {
        if (!_module.Metered || _uncharged == 0) return;
        Instance();
        _il.Constant(_uncharged);
        At();
        Call(typeof(Frames), nameof(Frames.Charge));
        _uncharged = 0;
    }

    private void Structured(in Instruction i)
    {
        switch (i.Op)
        {
            case Opcodes.Unreachable:
                SpillAll();
                At();
                Call(typeof(Traps), nameof(Traps.Unreachable));
                _il.Emit(OpCodes.Ldnull);
                _il.Emit(OpCodes.Throw);
                _reachable = false;
                break;
            case Opcodes.Nop: break;
            case Opcodes.Block or Opcodes.Loop or Opcodes.If: Open(i.Op, i.Value); break;
            case Opcodes.Else: Else(); break;
            case Opcodes.End: End(); break;
            case Opcodes.Br: Branch(_blocks[^(1 + (int)i.A)]); break;
            case Opcodes.BrIf: BranchIf(_blocks[^(1 + (int)i.A)]); break;
            case Opcodes.BrTable: BranchTable(i.Targets!); break;
            case Opcodes.Return: Return(); break;
            case Opcodes.Call: DirectCall((int)i.A); break;
            default: IndirectCall((int)i.A, (int)i.B); break;
        }
    }

    private void Open(ushort op, long type)
    {
        WasmValueType[] parameters = [], results = [];
        if (type >= 0)
        {
            parameters = _model.Types[(int)type].Parameters.ToArray();
            results = _model.Types[(int)type].Results.ToArray();
        }
        else if (type != -64)
        {
            results = [(WasmValueType)(type & 0x7F)];
        }

        if (op == Opcodes.Loop)
        {
            OpenLoop(parameters, results);
            return;
        }

        var second = op == Opcodes.Block ? default : _il.DefineLabel();
        if (op == Opcodes.If)
        {
            TakeCondition();
            _il.Emit(OpCodes.Brfalse, second);
        }

        _blocks.Add(new Block
        {
            Op = op,
            Parameters = parameters,
            Results = results,
            Height = _stack.Count - parameters.Length,
            Exit = _il.DefineLabel(),
            Second = second,
        });
    }

    /// <summary>Leaves the condition alone on IL's stack, everything below it in temporaries.</summary>
    private void TakeCondition()
    {
        if (_onStack > 1)
        {
            SettleTop();
            _scratch ??= Declare(typeof(int));
            _il.Emit(OpCodes.Stloc, _scratch);
            _stack.RemoveAt(_stack.Count - 1);
            _onStack--;
            SpillAll();
            _il.Emit(OpCodes.Ldloc, _scratch);
            return;
        }

        Need(1);
        Consume(1);
    }

    private void Else()
    {
        var block = _blocks[^1];
        if (_reachable)
        {
            SpillAll();
            _il.Emit(OpCodes.Br, block.Exit);
            block.ExitUsed = true;
        }

        _il.MarkLabel(block.Second);
        block.InElse = true;
        Restore(block, block.Parameters);
    }

    private void End()
    {
        var block = _blocks[^1];
        if (block.Copies > 0)
        {
            NextCopy(block);
            return;
        }

        _blocks.RemoveAt(_blocks.Count - 1);
        if (block.Op == Opcodes.If && !block.InElse)
        {
            if (_reachable) SpillAll();
            _il.MarkLabel(block.Second);
            block.ExitUsed = true;
        }

        if (!block.ExitUsed) return;
        if (_reachable) SpillAll();
        _il.MarkLabel(block.Exit);
        Restore(block, block.Results);
    }

    /// <summary>The state where paths meet: everything in temporaries.</summary>
    private void Restore(Block block, WasmValueType[] types)
    {
        _stack.RemoveRange(block.Height, _stack.Count - block.Height);
        foreach (var type in types)
        {
            _stack.Add(new Operand(type, 1));
            MarkVariable();
        }

        _onStack = 0;
        _uncharged = 0;
        _reachable = true;
    }

    private bool InPlace(Block target) =>
        _stack.Count - target.LabelTypes.Length == target.Height || target.LabelTypes.Length == 0;

    /// <summary>Jumps with the label's operands moved to where the label expects them; the rest has been
    /// spilled.</summary>
    private void Jump(Block target)
    {
        var types = target.LabelTypes;
        if (!InPlace(target))
        {
            Account();
            var first = _stack.Count - types.Length;
            for (var i = 0; i < types.Length; i++) _il.Emit(OpCodes.Ldloc, Temporary(first + i, types[i]));
            for (var i = types.Length - 1; i >= 0; i--) _il.Emit(OpCodes.Stloc, Temporary(target.Height + i, types[i]));
        }

        _il.Emit(OpCodes.Br, target.Target);
        target.ExitUsed |= target.Op != Opcodes.Loop;
    }

    private void Branch(Block target)
    {
        SpillAll();
        Jump(target);
        _reachable = false;
    }

    private void BranchIf(Block target)
    {
        TakeCondition();
        if (InPlace(target))
        {
            _il.Emit(OpCodes.Brtrue, target.Target);
            target.ExitUsed |= target.Op != Opcodes.Loop;
            return;
        }

        var stay = _il.DefineLabel();
        _il.Emit(OpCodes.Brfalse, stay);
        Jump(target);
        _il.MarkLabel(stay);
    }

    private void BranchTable(uint[] targets)
    {
        TakeCondition();
        var stubs = new Dictionary<uint, Label>();
        var labels = new Label[targets.Length - 1];
        for (var i = 0; i < labels.Length; i++) labels[i] = Stub(targets[i]);
        _module.Budget.Take(labels.Length * BytesPerFixup);
        if (labels.Length == 0) _il.Emit(OpCodes.Pop);
        else _il.Emit(OpCodes.Switch, labels);
        Jump(_blocks[^(1 + (int)targets[^1])]);
        foreach (var (depth, label) in stubs)
        {
            _il.MarkLabel(label);
            Jump(_blocks[^(1 + (int)depth)]);
        }

        _reachable = false;

        Label Stub(uint depth)
        {
            var target = _blocks[^(1 + (int)depth)];
            if (InPlace(target))
            {
                target.ExitUsed |= target.Op != Opcodes.Loop;
                return target.Target;
            }

            if (!stubs.TryGetValue(depth, out var label)) stubs.Add(depth, label = _il.DefineLabel());
            return label;
        }
    }

    private void DirectCall(int function)
    {
        var type = _model.Functions[function];
        CallSite? site = null;
        if (_module.Suspension.MaySuspend(function))
        {
            SpillAll();
            site = BeginSite(type.Parameters.Length, null, null);
        }

        Need(type.Parameters.Length);
        Instance();
        Depth(1);
        _il.Emit(OpCodes.Call, _module.Function(function));
        Called(type, allInBuffer: false, site);
    }

    private void IndirectCall(int typeIndex, int table)
    {
        var type = _model.Types[typeIndex];
        var shape = DelegateTypes.Of(type);
        Need(1);
        Instance();
        _il.Constant(table);
        _il.Constant(typeIndex);
        At();
        Call(typeof(TableAccess), nameof(TableAccess.Resolve));
        _il.Emit(OpCodes.Castclass, shape);
        if (!_delegates.TryGetValue(shape, out var code)) _delegates.Add(shape, code = Declare(shape));
        _il.Emit(OpCodes.Stloc, code);
        Consume(1);
        SpillAll();
        var wide = DelegateTypes.IsWide(type);
        var site = _module.Suspension.MaySuspend(type) ? BeginSite(type.Parameters.Length, shape, code) : null;
        if (wide)
        {
            for (var i = type.Parameters.Length - 1; i >= 0; i--)
            {
                Need(1);
                Instance();
                _il.Constant(i);
                Call(typeof(ValueTransfer), "Set" + ClrTypes.Suffix(type.Parameters[i]));
                Consume(1);
            }

            _il.Emit(OpCodes.Ldloc, code);
        }
        else
        {
            _il.Emit(OpCodes.Ldloc, code);
            Need(type.Parameters.Length);
        }

        Depth(1);
        _il.Emit(OpCodes.Callvirt, shape.GetMethod("Invoke")!);
        Called(type, wide, site);
    }

    /// <summary>Takes the results: the first from IL's stack, the others (or all of a wide call) from the
    /// buffer.</summary>
    private void Called(FunctionType type, bool allInBuffer, CallSite? site)
    {
        if (site is not null)
        {
            EndSite(site, type, allInBuffer);
        }
        else
        {
            if (!allInBuffer) Consume(type.Parameters.Length);
            if (type.Results.Length > 0 && !allInBuffer) Produce(type.Results[0], 1);
        }

        for (var i = allInBuffer ? 0 : 1; i < type.Results.Length; i++)
        {
            Instance();
            _il.Constant(i);
            Call(typeof(ValueTransfer), "Get" + ClrTypes.Suffix(type.Results[i]));
            Produce(type.Results[i], 1);
        }

        ReloadMemory();
    }
}
