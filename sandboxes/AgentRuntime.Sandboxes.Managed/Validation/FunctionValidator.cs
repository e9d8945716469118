using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Validation;

/// <summary>What compilation needs to know of a function before any code is emitted.</summary>
internal sealed class FunctionFacts
{
    public HashSet<int> Callees { get; } = [];

    public HashSet<FunctionType> IndirectTypes { get; } = [];

    public bool HasLoop { get; set; }

    public bool UsesMemory { get; set; }

    public bool UsesVectors { get; set; }

    public bool Rotates { get; set; }

    public int MaxStack { get; set; }

    /// <summary>Values that calls, branches and returns move several at a time, summed over the body: their code and
    /// their places follow from the number of types, not from the body's bytes.</summary>
    public long MovedValues { get; set; }

    public bool CallsAnything => IndirectTypes.Count > 0 || Callees.Count > 0;
}

/// <summary>
/// Validates one function body with the algorithm of the specification's appendix: an operand stack of types and a
/// stack of control frames, both explicit, so that nesting never recurses here. Not thread-safe.
/// </summary>
internal sealed partial class FunctionValidator
{
    /// <summary>The bottom type, which matches every type below an unconditional branch.</summary>
    private const WasmValueType Unknown = 0;

    private const int InstructionsPerLook = 128;

    private readonly ModuleModel _module;
    private readonly CompileLimits _limits;
    private readonly HashSet<int> _declared;
    private readonly Action _checkTime;
    private readonly List<WasmValueType> _stack = [];
    private readonly List<Frame> _frames = [];
    private WasmValueType[] _locals = [];
    private FunctionFacts _facts = new();
    private int _offset;
    private int _untilLook;

    public FunctionValidator(ModuleModel module, CompileLimits limits, HashSet<int> declared, Action checkTime)
    {
        _module = module;
        _limits = limits;
        _declared = declared;
        _checkTime = checkTime;
    }

    private readonly record struct Frame(
        ushort Op, WasmValueType[] Parameters, WasmValueType[] Results, int Height, bool Unreachable)
    {
        public WasmValueType[] LabelTypes => Op == Opcodes.Loop ? Parameters : Results;
    }

    public FunctionFacts Validate(int body)
    {
        var type = _module.Functions[_module.ImportedFunctions + body];
        var code = _module.Bodies[body];
        _facts = new FunctionFacts();
        _locals = [.. type.Parameters, .. code.Locals];
        _stack.Clear();
        _frames.Clear();
        _frames.Add(new Frame(Opcodes.Block, [], type.Results.ToArray(), 0, false));
        var reader = new InstructionReader(
            new ByteReader(_module.Bytes, code.Start, code.End), _module.MayNameData);
        while (_frames.Count > 0)
        {
            if (reader.Source.Remaining == 0) throw reader.Source.Malformed("END opcode expected");
            // Some instructions of a few bytes take thousands of steps, so that functions are no measure of time.
            if (--_untilLook < 0)
            {
                _untilLook = InstructionsPerLook;
                _checkTime();
            }

            var i = reader.Next();
            _offset = i.Offset;
            Step(in i);
            if (_stack.Count > _facts.MaxStack) _facts.MaxStack = _stack.Count;
        }

        if (reader.Source.Remaining != 0) throw reader.Source.Malformed("END opcode expected");
        return _facts;
    }

    private WasmModuleException Invalid(string message) => new(ModuleFault.Invalid, message, _offset);

    private void Push(WasmValueType type)
    {
        if (type == WasmValueType.V128) _facts.UsesVectors = true;
        _stack.Add(type);
    }

    private void Push(ReadOnlySpan<WasmValueType> types)
    {
        foreach (var type in types) Push(type);
    }

    private void Move(int values)
    {
        if (values > 1) _facts.MovedValues += values;
    }

    private WasmValueType Pop()
    {
        var frame = _frames[^1];
        if (_stack.Count == frame.Height)
            return frame.Unreachable ? Unknown : throw Invalid("type mismatch");
        var type = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return type;
    }

    private WasmValueType Pop(WasmValueType expected)
    {
        var actual = Pop();
        if (actual != expected && actual != Unknown && expected != Unknown) throw Invalid("type mismatch");
        return actual;
    }

    private void Pop(ReadOnlySpan<WasmValueType> types)
    {
        for (var i = types.Length - 1; i >= 0; i--) Pop(types[i]);
    }

    private void Enter(ushort op, WasmValueType[] parameters, WasmValueType[] results)
    {
        if (_frames.Count > _limits.MaxNesting)
            throw new WasmModuleException(ModuleFault.TooLarge, $"blocks nest deeper than {_limits.MaxNesting}",
                _offset);
        _frames.Add(new Frame(op, parameters, results, _stack.Count, false));
        Push(parameters);
    }

    private Frame Leave()
    {
        var frame = _frames[^1];
        Pop(frame.Results);
        if (_stack.Count != frame.Height) throw Invalid("type mismatch");
        _frames.RemoveAt(_frames.Count - 1);
        return frame;
    }

    private void BecomeUnreachable()
    {
        var frame = _frames[^1];
        _stack.RemoveRange(frame.Height, _stack.Count - frame.Height);
        _frames[^1] = frame with { Unreachable = true };
    }

    private Frame Label(uint depth) =>
        depth < (uint)_frames.Count ? _frames[_frames.Count - 1 - (int)depth] : throw Invalid("unknown label");

    private (WasmValueType[] Parameters, WasmValueType[] Results) BlockType(long type)
    {
        if (type == -64) return ([], []);
        if (type < 0) return ([], [(WasmValueType)(type & 0x7F)]);
        if (type >= _module.Types.Length) throw Invalid("unknown type");
        var signature = _module.Types[(int)type];
        return (signature.Parameters.ToArray(), signature.Results.ToArray());
    }

    private void Branches(uint[] targets)
    {
        if (targets.Length > _limits.MaxBranchTable)
            throw new WasmModuleException(ModuleFault.TooLarge, $"br_table exceeds {_limits.MaxBranchTable} targets",
                _offset);
        Pop(WasmValueType.I32);
        var arity = Label(targets[^1]).LabelTypes.Length;
        Move(arity);
        var checkedLabels = new HashSet<uint>();
        var popped = new WasmValueType[arity];
        foreach (var target in targets)
        {
            var types = Label(target).LabelTypes;
            if (types.Length != arity) throw Invalid("type mismatch");
            if (!checkedLabels.Add(target)) continue;
            Move(arity);
            for (var i = arity - 1; i >= 0; i--) popped[i] = Pop(types[i]);
            Push(popped);
        }

        Pop(Label(targets[^1]).LabelTypes);
        BecomeUnreachable();
    }
}
