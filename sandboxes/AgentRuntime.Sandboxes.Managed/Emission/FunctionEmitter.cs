using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Validation;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>
/// Emits one function. Operands stay on IL's own evaluation stack while control is straight, and move to temporaries
/// (one per stack height and type) where paths meet: what the JIT sees looks like what a C# compiler writes.
/// The body has been validated; unreachable code is skipped. Not thread-safe.
/// </summary>
internal sealed partial class FunctionEmitter
{
    /// <summary>Larger trees and fuller stacks go to temporaries: the JIT walks trees by recursion.</summary>
    private const int MaxTreeWeight = 40;
    private const int MaxOnStack = 20;

    /// <summary>Bytes, and values moved, of a function that runs through without a look at the epoch.</summary>
    private const int MaxUnwatchedLeaf = 1_024;

    /// <summary>IL numbers locals with 16 bits.</summary>
    private const int MaxIlLocals = 65_000;

    private readonly ModuleEmitter _module;
    private readonly ModuleModel _model;
    private readonly ILGenerator _il;
    private readonly int _function;
    private readonly FunctionType _type;
    private readonly FunctionFacts _facts;
    private readonly WasmValueType[] _localTypes;
    private readonly LocalBuilder?[] _locals;
    private readonly int _parameters;
    private readonly List<Operand> _stack = [];
    private readonly List<Block> _blocks = [];
    private readonly Dictionary<(int Height, WasmValueType Type), LocalBuilder> _temporaries = [];
    private readonly Dictionary<Type, LocalBuilder> _delegates = [];
    private InstructionReader _reader;
    private LocalBuilder? _memory;
    private LocalBuilder? _scratch;
    private LocalBuilder? _zero;
    private int _onStack;
    private int _ilLocals;
    private bool _reachable = true;
    private int _skipped;
    private int _uncharged;
    private int _at;

    public FunctionEmitter(ModuleEmitter module, int function, FunctionFacts facts, ILGenerator il)
    {
        _module = module;
        _model = module.Model;
        _function = function;
        _type = _model.Functions[function];
        _facts = facts;
        _il = il;
        _parameters = _type.Parameters.Length;
        var body = _model.Bodies[function - _model.ImportedFunctions];
        _localTypes = [.. _type.Parameters, .. body.Locals];
        _locals = new LocalBuilder?[_localTypes.Length];
    }

    /// <param name="Type">The operand's type.</param>
    /// <param name="Weight">About how many nodes the JIT's tree of it has.</param>
    /// <param name="Identity">Whether it is a float constant that some operation leaves other values unchanged
    /// with.</param>
    /// <param name="Rotated">Whether it may be what a rotation left, which must not be compared as it is.</param>
    /// <param name="Far">Whether it is an integer constant that no comparison with zero is made of.</param>
    private readonly record struct Operand(
        WasmValueType Type, int Weight, bool Identity = false, bool Rotated = false, bool Far = false);

    private sealed class Block
    {
        public required ushort Op { get; init; }

        public required WasmValueType[] Parameters { get; init; }

        public required WasmValueType[] Results { get; init; }

        /// <summary>Operands below the block's parameters.</summary>
        public required int Height { get; init; }

        public required Label Exit { get; init; }

        /// <summary>The head of a loop or of the next copy of its body, the else branch of an if.</summary>
        public Label Second { get; set; }

        /// <summary>The head of a loop.</summary>
        public Label Head { get; init; }

        /// <summary>Where a loop's body starts in the module.</summary>
        public int Start { get; init; }

        /// <summary>Copies of a loop's body that are still to come.</summary>
        public int Copies { get; set; }

        public bool ExitUsed { get; set; }

        public bool InElse { get; set; }

        public WasmValueType[] LabelTypes => Op == Opcodes.Loop ? Parameters : Results;

        public Label Target => Op == Opcodes.Loop ? Second : Exit;
    }

    /// <summary>Whether a function that calls nothing takes long enough for a caller without loops to keep a thread
    /// with it: nothing else looks at the epoch there.</summary>
    private bool LooksAtLeafEntry
    {
        get
        {
            var body = _model.Bodies[_function - _model.ImportedFunctions];
            return body.End - body.Start + _facts.MovedValues > MaxUnwatchedLeaf;
        }
    }

    public void Emit()
    {
        var body = _model.Bodies[_function - _model.ImportedFunctions];
        _at = body.Start;
        _module.Budget.Begin();
        for (var i = _parameters; i < _localTypes.Length; i++) _locals[i] = Declare(ClrTypes.Of(_localTypes[i]));
        Prologue();
        _blocks.Add(new Block { Op = Opcodes.Block, Parameters = [], Results = _type.Results.ToArray(), Height = 0,
            Exit = _il.DefineLabel() });
        _reader = ReadFrom(body.Start);
        while (_blocks.Count > 0)
        {
            var i = _reader.Next();
            _at = i.Offset;
            Step(in i);
            Account();
        }

        if (_reachable) Return();
        SuspensionEpilogue();
        Account();
    }

    private void Account() => _module.Budget.Reach(_il.ILOffset, _at);

    private InstructionReader ReadFrom(int position) =>
        new(new ByteReader(_model.Bytes, position, _model.Bodies[_function - _model.ImportedFunctions].End),
            _model.MayNameData);

    private void Prologue()
    {
        if (_facts.CallsAnything)
        {
            Instance();
            Depth(0);
            At();
            Call(typeof(Frames), nameof(Frames.Enter));
        }
        else if (_module.Watched && LooksAtLeafEntry)
        {
            Instance();
            At();
            Call(typeof(Frames), nameof(Frames.Epoch));
        }

        if (_facts.UsesMemory) ReloadMemory();
        if (_facts.Rotates)
        {
            _zero = Declare(typeof(int));
            Instance();
            Call(typeof(Numeric), nameof(Runtime.Numeric.Zero));
            _il.Emit(OpCodes.Stloc, _zero);
        }

        SuspensionPrologue();
    }

    private LocalBuilder Declare(Type type)
    {
        if (++_ilLocals > MaxIlLocals)
            throw new WasmModuleException(ModuleFault.TooLarge, "a function needs too many locals", _at);
        return _il.DeclareLocal(type);
    }

    private void Instance() => _il.LoadArgument(_parameters);

    private void Depth(int less)
    {
        _il.LoadArgument(_parameters + 1);
        if (less == 0) return;
        _il.Constant(less);
        _il.Emit(OpCodes.Sub);
    }

    private void At() => _il.Constant(_at);

    private void Call(Type holder, string name) => _il.Emit(OpCodes.Call, ClrTypes.Accessor(holder, name));

    /// <summary>The memory may have grown, and with it moved, in anything that was called.</summary>
    private void ReloadMemory()
    {
        if (!_facts.UsesMemory) return;
        _memory ??= Declare(typeof(Span<byte>));
        Instance();
        Call(typeof(MemoryAccess), nameof(MemoryAccess.View));
        _il.Emit(OpCodes.Stloc, _memory);
    }

    private LocalBuilder Temporary(int height, WasmValueType type)
    {
        if (type == WasmValueType.ExternRef) type = WasmValueType.FuncRef;
        if (!_temporaries.TryGetValue((height, type), out var local))
            _temporaries.Add((height, type), local = Declare(ClrTypes.Of(type)));
        return local;
    }

    /// <summary>Moves every operand from IL's stack to its temporary.</summary>
    private void SpillAll()
    {
        for (var i = _stack.Count - 1; _onStack > 0; i--, _onStack--)
        {
            _il.Emit(OpCodes.Stloc, Temporary(i, _stack[i].Type));
            _stack[i] = _stack[i] with { Weight = 1 };
        }
    }

    /// <summary>Sees to it that the topmost operands are on IL's stack, in order.</summary>
    private void Need(int count, bool keepRotations = false)
    {
        var settle = !keepRotations && AnyRotated(count);
        if (_onStack >= count)
        {
            if (!settle) return;
            if (count == 1)
            {
                SettleTop();
                return;
            }
        }

        SpillAll();
        for (var i = _stack.Count - count; i < _stack.Count; i++)
        {
            _il.Emit(OpCodes.Ldloc, Temporary(i, _stack[i].Type));
            if (settle) Settle(i);
        }

        _onStack = count;
    }

    /// <summary>Forgets operands that emitted code has consumed; returns their weight.</summary>
    private int Consume(int count)
    {
        var weight = 0;
        for (var i = 0; i < count; i++)
        {
            weight += _stack[^1].Weight;
            _stack.RemoveAt(_stack.Count - 1);
        }

        _onStack -= count;
        return weight;
    }

    /// <summary>Notes an operand that emitted code has just put on IL's stack.</summary>
    private void Produce(WasmValueType type, int weight = 0, bool rotated = false)
    {
        _stack.Add(new Operand(type, weight + 1, Rotated: rotated));
        _onStack++;
        if (weight >= MaxTreeWeight || _onStack > MaxOnStack) SpillAll();
    }

    private void Return()
    {
        var count = _type.Results.Length;
        if (_onStack != count || _stack.Count != count) SpillAll();
        Need(count);

        for (var i = count - 1; i > 0; i--)
        {
            Instance();
            _il.Constant(i);
            Call(typeof(ValueTransfer), "Set" + ClrTypes.Suffix(_type.Results[i]));
        }

        _il.Emit(OpCodes.Ret);
        _onStack = 0;
        _reachable = false;
    }
}
