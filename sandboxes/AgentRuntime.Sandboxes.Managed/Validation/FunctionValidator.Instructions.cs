using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Validation;

/// <content>The typing rule of each instruction (WebAssembly 2.0 §3.3).</content>
internal sealed partial class FunctionValidator
{
    private const WasmValueType I32 = WasmValueType.I32;

    private void Step(in Instruction i)
    {
        if (i.Op >= Opcodes.VectorPrefix) _facts.UsesVectors = true;
        if (i.Op is 0x77 or 0x78 or 0x89 or 0x8A) _facts.Rotates = true;
        if (OpcodeTable.IsMemoryAccess(i.Op))
        {
            Access(in i);
            return;
        }

        if (OpcodeTable.IsNumeric(i.Op))
        {
            if (i.Op is >= Opcodes.FirstLane and <= Opcodes.LastLane) Lane(i.Op, i.B);
            ref readonly var signature = ref OpcodeTable.SignatureOf(i.Op);
            Pop(signature.Parameters);
            if (signature.Result != 0) Push(signature.Result);
            return;
        }

        switch (i.Op)
        {
            case <= Opcodes.CallIndirect: Structured(in i); break;
            case <= Opcodes.SelectTyped: Parametric(in i); break;
            case <= Opcodes.GlobalSet: Variable(in i); break;
            case Opcodes.MemorySize: Memory(); Push(I32); break;
            case Opcodes.MemoryGrow: Memory(); Pop(I32); Push(I32); break;
            case Opcodes.I32Const: Push(I32); break;
            case Opcodes.I64Const: Push(WasmValueType.I64); break;
            case Opcodes.F32Const: Push(WasmValueType.F32); break;
            case Opcodes.F64Const: Push(WasmValueType.F64); break;
            case Opcodes.V128Const: Push(WasmValueType.V128); break;
            case Opcodes.Shuffle:
                if (((i.Value | (long)i.High) & unchecked((long)0xE0E0E0E0E0E0E0E0)) != 0)
                    throw Invalid("invalid lane index");
                Pop(WasmValueType.V128);
                Pop(WasmValueType.V128);
                Push(WasmValueType.V128);
                break;
            case Opcodes.RefNull: Push((WasmValueType)i.A); break;
            case Opcodes.RefIsNull:
                if (Pop() is not (Unknown or WasmValueType.FuncRef or WasmValueType.ExternRef))
                    throw Invalid("type mismatch");
                Push(I32);
                break;
            case Opcodes.RefFunc:
                if (i.A >= (uint)_module.Functions.Count) throw Invalid("unknown function");
                if (!_declared.Contains((int)i.A)) throw Invalid("undeclared function reference");
                Push(WasmValueType.FuncRef);
                break;
            default: Bulk(in i); break;
        }
    }

    private void Structured(in Instruction i)
    {
        switch (i.Op)
        {
            case Opcodes.Unreachable: BecomeUnreachable(); break;
            case Opcodes.Nop: break;
            case Opcodes.Block or Opcodes.Loop or Opcodes.If:
                var (parameters, results) = BlockType(i.Value);
                if (i.Op == Opcodes.If) Pop(I32);
                if (i.Op == Opcodes.Loop) _facts.HasLoop = true;
                Pop(parameters);
                Enter(i.Op, parameters, results);
                break;
            case Opcodes.Else:
                if (_frames[^1].Op != Opcodes.If)
                    throw new WasmModuleException(ModuleFault.Malformed, "else without if", _offset);
                var then = Leave();
                Enter(Opcodes.Else, then.Parameters, then.Results);
                break;
            case Opcodes.End:
                var frame = Leave();
                if (frame.Op == Opcodes.If && !frame.Parameters.AsSpan().SequenceEqual(frame.Results))
                    throw Invalid("type mismatch");
                Push(frame.Results);
                break;
            case Opcodes.Br:
                Move(Label(i.A).LabelTypes.Length);
                Pop(Label(i.A).LabelTypes);
                BecomeUnreachable();
                break;
            case Opcodes.BrIf:
                Pop(I32);
                var label = Label(i.A).LabelTypes;
                Move(label.Length);
                Pop(label);
                Push(label);
                break;
            case Opcodes.BrTable: Branches(i.Targets!); break;
            case Opcodes.Return:
                Move(_frames[0].Results.Length);
                Pop(_frames[0].Results);
                BecomeUnreachable();
                break;
            case Opcodes.Call:
                if (i.A >= (uint)_module.Functions.Count) throw Invalid("unknown function");
                _facts.Callees.Add((int)i.A);
                Invoke(_module.Functions[(int)i.A]);
                break;
            default:
                if (Table(i.B).Element != WasmValueType.FuncRef) throw Invalid("type mismatch");
                if (i.A >= (uint)_module.Types.Length) throw Invalid("unknown type");
                _facts.IndirectTypes.Add(_module.Types[(int)i.A]);
                Pop(I32);
                Invoke(_module.Types[(int)i.A]);
                break;
        }
    }

    private void Invoke(FunctionType type)
    {
        Move(type.Results.Length);
        Pop(type.Parameters);
        Push(type.Results);
    }

    private void Parametric(in Instruction i)
    {
        if (i.Op == Opcodes.Drop)
        {
            Pop();
            return;
        }

        if (i.Op == Opcodes.SelectTyped && i.A != 1) throw Invalid("invalid result arity");
        Pop(I32);
        if (i.Op == Opcodes.SelectTyped)
        {
            Pop((WasmValueType)i.Value);
            Pop((WasmValueType)i.Value);
            Push((WasmValueType)i.Value);
            return;
        }

        var second = Pop();
        var first = Pop();
        if (IsReference(first) || IsReference(second)) throw Invalid("type mismatch");
        if (first != second && first != Unknown && second != Unknown) throw Invalid("type mismatch");
        Push(first == Unknown ? second : first);
    }

    private static bool IsReference(WasmValueType type) => type is WasmValueType.FuncRef or WasmValueType.ExternRef;

    private void Variable(in Instruction i)
    {
        if (i.Op <= Opcodes.LocalTee)
        {
            if (i.A >= (uint)_locals.Length) throw Invalid("unknown local");
            var local = _locals[i.A];
            if (i.Op != Opcodes.LocalGet) Pop(local);
            if (i.Op != Opcodes.LocalSet) Push(local);
            return;
        }

        if (i.A >= (uint)_module.Globals.Count) throw Invalid("unknown global");
        var global = _module.Globals[(int)i.A];
        if (i.Op == Opcodes.GlobalGet)
        {
            Push(global.Value);
            return;
        }

        if (!global.Mutable) throw Invalid("global is immutable");
        Pop(global.Value);
    }

    private void Memory()
    {
        if (_module.Memories.Count == 0) throw Invalid("unknown memory");
        _facts.UsesMemory = true;
    }

    private TableType Table(uint index) =>
        index < (uint)_module.Tables.Count ? _module.Tables[(int)index] : throw Invalid("unknown table");

    private void Access(in Instruction i)
    {
        Memory();
        var shape = OpcodeTable.ShapeOf(i.Op);
        if (i.A > (uint)shape.Log2) throw Invalid("alignment must not be larger than natural");
        var lane = i.Op is >= Opcodes.FirstLoadLane and <= Opcodes.LastStoreLane;
        if (lane && i.B >= 16u >> shape.Log2) throw Invalid("invalid lane index");
        if (shape.Store || lane) Pop(shape.Type);
        Pop(I32);
        if (!shape.Store) Push(shape.Type);
    }

    private void Lane(ushort op, uint lane)
    {
        ReadOnlySpan<byte> lanes = [16, 16, 16, 8, 8, 8, 4, 4, 2, 2, 4, 4, 2, 2];
        if (lane >= lanes[op - Opcodes.FirstLane]) throw Invalid("invalid lane index");
    }

    private void Bulk(in Instruction i)
    {
        switch (i.Op)
        {
            case Opcodes.TableGet:
                Pop(I32);
                Push(Table(i.A).Element);
                return;
            case Opcodes.TableSet:
                Pop(Table(i.A).Element);
                Pop(I32);
                return;
            case Opcodes.TableSize:
                Table(i.A);
                Push(I32);
                return;
            case Opcodes.TableGrow:
                Pop(I32);
                Pop(Table(i.A).Element);
                Push(I32);
                return;
            case Opcodes.TableFill:
                Pop(I32);
                Pop(Table(i.A).Element);
                Pop(I32);
                return;
            case Opcodes.ElemDrop:
                if (i.A >= (uint)_module.Elements.Length) throw Invalid("unknown elem segment");
                return;
            case Opcodes.DataDrop:
                if (i.A >= (uint)_module.Data.Length) throw Invalid("unknown data segment");
                return;
            case Opcodes.TableCopy:
                if (Table(i.A).Element != Table(i.B).Element) throw Invalid("type mismatch");
                break;
            case Opcodes.TableInit:
                if (i.A >= (uint)_module.Elements.Length) throw Invalid("unknown elem segment");
                if (_module.Elements[i.A].Type != Table(i.B).Element) throw Invalid("type mismatch");
                break;
            case Opcodes.MemoryInit:
                Memory();
                if (i.A >= (uint)_module.Data.Length) throw Invalid("unknown data segment");
                break;
            default:
                Memory();
                break;
        }

        Pop(I32);
        Pop(I32);
        Pop(I32);
    }
}
