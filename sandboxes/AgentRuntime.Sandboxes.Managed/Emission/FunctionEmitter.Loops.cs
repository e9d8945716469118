using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <content>
/// Loops: where they look at the epoch, and small ones several times over (decision record 0106). A branch to such a
/// loop goes to the next copy of its body, from the last copy to its head.
/// </content>
internal sealed partial class FunctionEmitter
{
    /// <summary>Copies in one function, and the size of one that has any: the JIT gives up on large methods.</summary>
    private const int MaxCopiesInFunction = 64;
    private const int MaxBytesToCopyIn = 8_192;

    private int _copies;

    private void OpenLoop(WasmValueType[] parameters, WasmValueType[] results)
    {
        var body = _model.Bodies[_function - _model.ImportedFunctions];
        var start = _reader.Source.Position;
        var shape = LoopShape.Read(ReadFrom(start));
        var copies = body.End - body.Start > MaxBytesToCopyIn
            ? 0 : Math.Min(shape.Copies - 1, MaxCopiesInFunction - _copies);
        _copies += copies;
        SpillAll();
        var head = _il.DefineLabel();
        _il.MarkLabel(head);
        // A callee that calls looks at its entry, and is called before this loop can go round.
        if (_module.Watched && !_module.LooksAtEntry(shape.FirstCallee))
        {
            Instance();
            At();
            Call(typeof(Frames), nameof(Frames.Epoch));
        }

        _blocks.Add(new Block
        {
            Op = Opcodes.Loop,
            Parameters = parameters,
            Results = results,
            Height = _stack.Count - parameters.Length,
            Exit = _il.DefineLabel(),
            Head = head,
            Second = copies == 0 ? head : _il.DefineLabel(),
            Start = start,
            Copies = copies,
        });
    }

    private void NextCopy(Block loop)
    {
        if (_reachable)
        {
            SpillAll();
            _il.Emit(OpCodes.Br, loop.Exit);
            loop.ExitUsed = true;
        }

        _il.MarkLabel(loop.Second);
        Restore(loop, loop.Parameters);
        loop.Second = --loop.Copies == 0 ? loop.Head : _il.DefineLabel();
        _reader = ReadFrom(loop.Start);
    }
}
