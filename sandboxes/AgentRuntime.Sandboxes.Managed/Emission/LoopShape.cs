using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>
/// What a loop's body looks like before it is emitted (decision record 0106).
/// </summary>
/// <param name="Copies">How often its body is emitted in a row behind one epoch check; 1 when it is large, calls, or
/// holds another loop.</param>
/// <param name="FirstCallee">The function that every iteration calls before it can branch; -1 when there is
/// none.</param>
internal readonly record struct LoopShape(int Copies, int FirstCallee)
{
    public const int MaxCopies = 4;

    private const int MaxInstructions = 64;

    /// <param name="reader">Behind the loop's block type; it is read from.</param>
    public static LoopShape Read(InstructionReader reader)
    {
        var callee = -1;
        var straight = true;
        var depth = 0;
        for (var count = 1; count <= MaxInstructions; count++)
        {
            var i = reader.Next();
            switch (i.Op)
            {
                case Opcodes.Call:
                    return new LoopShape(1, straight ? (int)i.A : callee);
                case Opcodes.Loop or Opcodes.CallIndirect or Opcodes.BrTable:
                    return new LoopShape(1, callee);
                case Opcodes.Block or Opcodes.If:
                    depth++;
                    break;
                case Opcodes.End when depth-- == 0:
                    return new LoopShape(Math.Min(MaxCopies, MaxInstructions / count), callee);
            }

            straight &= i.Op > Opcodes.CallIndirect;
        }

        return new LoopShape(1, callee);
    }
}
