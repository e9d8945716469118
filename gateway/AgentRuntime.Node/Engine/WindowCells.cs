using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Engine;

/// <summary>
/// Keeps the cells of layers with a sliding window. llama.cpp gives away what the window of a cell's only sequence has
/// passed (v0.5.0, <c>find_slot</c>), though a later request may begin with a part of it; it never gives away a cell
/// that two sequences have. So each sequence has a twin, which takes its cells before the window passes them.
/// One thread at a time.
/// </summary>
/// <param name="memory">llama.cpp's memory.</param>
/// <param name="window">Tokens in a window.</param>
/// <param name="twins">What a sequence's number and its twin's differ by.</param>
internal sealed class WindowCells(nint memory, int window, int twins)
{
    private readonly int[] _kept = new int[twins];

    /// <summary>A pass has stored what is in the batch.</summary>
    public unsafe void Stored(in LlamaBatch batch)
    {
        for (var i = 0; i < batch.TokenCount; i++)
        {
            var sequence = *batch.SequenceIds[i];
            if (i + 1 == batch.TokenCount || *batch.SequenceIds[i + 1] != sequence)
                Reach(sequence, batch.Positions[i] + 1);
        }
    }

    /// <summary>A sequence was given the cells of another at [from, to).</summary>
    public void Shared(int source, int target, int from, int to)
    {
        Llama.SequenceCopy(memory, source, target + twins, from, to);
        if (from <= _kept[target]) _kept[target] = Math.Max(_kept[target], to);
    }

    /// <summary>A sequence has let go of its cells at [from, to), or of all from there on where that is -1.</summary>
    public void Removed(int sequence, int from, int to)
    {
        Llama.SequenceRemove(memory, sequence + twins, from, to);
        _kept[sequence] = Math.Min(_kept[sequence], from);
    }

    /// <summary>
    /// What is not the twin's lies in the same multiple of the window as the next position: neither a window that
    /// slides nor one that jumps (llama.cpp's chunked windows) has passed it.
    /// </summary>
    private void Reach(int sequence, int end)
    {
        var kept = _kept[sequence];
        if ((end + 1) / window == kept / window) return;
        Llama.SequenceCopy(memory, sequence, sequence + twins, kept, end);
        _kept[sequence] = end;
    }
}
