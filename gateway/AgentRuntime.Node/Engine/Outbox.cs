using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// What one pass has written, for all its sequences. Readers hear of it together, when every token has been chosen:
/// a reader that woke up earlier would take a core from the sequences whose tokens are still to be chosen, and from the
/// next pass. Owned by the engine's thread.
/// </summary>
internal sealed class Outbox
{
    private readonly List<(Generation Generation, GenerationEvent Event)> _events = [];

    public void Add(Generation generation, in GenerationEvent e) => _events.Add((generation, e));

    /// <summary>Hands everything over, in the order in which it was added.</summary>
    public void Publish()
    {
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(_events))
        {
            if (entry.Event.End is { } end) entry.Generation.Complete(end);
            else entry.Generation.Write(entry.Event);
        }

        _events.Clear();
    }
}
