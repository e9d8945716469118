using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>Cells as llama.cpp has them: a position, a token, and the set of sequences that see it.</summary>
internal sealed class NaiveCells : IKvCells
{
    /// <summary>A token whose keys and values are no numbers.</summary>
    public const int NoNumber = 200;

    private readonly List<(int Position, int Token, HashSet<int> Sequences)> _cells = [];

    public int Used => _cells.Count;

    public void Add(int sequence, int position, int token) => _cells.Add((position, token, [sequence]));

    /// <summary>What a fault of memory leaves in the cell of a sequence at this position.</summary>
    public void Spoil(int sequence, int position)
    {
        var i = _cells.FindIndex(c => c.Sequences.Contains(sequence) && c.Position == position);
        _cells[i] = _cells[i] with { Token = NoNumber };
    }

    public IEnumerable<int> Read(int sequence) =>
        _cells.Where(c => c.Sequences.Contains(sequence)).OrderBy(c => c.Position).Select(c => c.Token);

    public void Share(int source, int target, int from, int to)
    {
        foreach (var cell in _cells)
            if (cell.Position >= from && cell.Position < to && cell.Sequences.Contains(source))
                cell.Sequences.Add(target);
    }

    public bool HoldNumbers(int sequence, int from, int to) =>
        !_cells.Exists(c => c.Sequences.Contains(sequence)
            && c.Position >= from && c.Position < to && c.Token == NoNumber);

    public KvBuffer Export(int sequence, int from, int to, Func<int, KvBuffer> allocate)
    {
        var state = allocate(to - from);
        Read(sequence).Skip(from).Take(to - from).Select(token => (byte)token).ToArray().CopyTo(state.Span);
        return state;
    }

    public void Truncate(int sequence, int from) => Remove(sequence, from, int.MaxValue);

    public void Remove(int sequence, int from, int to)
    {
        foreach (var cell in _cells)
            if (cell.Position >= from && cell.Position < to)
                cell.Sequences.Remove(sequence);
        _cells.RemoveAll(c => c.Sequences.Count == 0);
    }
}
