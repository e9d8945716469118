namespace AgentRuntime.Node.Kernels;

/// <summary>
/// Which cell of the pool holds which position of which sequence. llama.cpp knows and does not tell: what a pass stores
/// is seen as it is stored, where imported state goes is worked out as llama.cpp does (v0.5.0, <c>find_slot</c>).
/// Whoever reads it checks it against the mask of the pass. One thread at a time.
/// </summary>
internal sealed class CellTable
{
    private const int None = -1;
    private const int FirstLength = 256;

    private readonly int[] _users;
    private readonly int[][] _cells;
    private int _used;
    private int _head;

    public CellTable(int cells, int sequences)
    {
        _users = new int[cells];
        _cells = new int[sequences][];
        Array.Fill(_cells, []);
    }

    /// <summary>
    /// The cells of a sequence by position, -1 where it has none; pinned, and good until the next change.
    /// </summary>
    public ReadOnlySpan<int> Cells(int sequence) => _cells[sequence];

    /// <summary>A pass stores a position in a cell.</summary>
    public void Store(int sequence, int position, int cell)
    {
        if ((uint)cell >= (uint)_users.Length) return;
        Use(sequence, position, cell);
        _head = cell + 1;
    }

    /// <summary>State of these positions, in this order, goes where llama.cpp finds room for it.</summary>
    public void Import(int sequence, ReadOnlySpan<int> positions)
    {
        if (positions.Length > _users.Length - _used) return;
        var cell = _head;
        foreach (var position in positions)
        {
            while (cell >= _users.Length || _users[cell] > 0) cell = cell >= _users.Length ? 0 : cell + 1;
            Use(sequence, position, cell++);
        }

        _head = cell;
    }

    /// <summary>The cells at [from, to) belong to the target too.</summary>
    public void Share(int source, int target, int from, int to)
    {
        var cells = _cells[source];
        to = Math.Min(to, cells.Length);
        for (var p = from; p < to; p++)
            if (cells[p] != None)
                Use(target, p, cells[p]);
    }

    /// <summary>The sequence lets go of [from, to).</summary>
    public void Remove(int sequence, int from, int to)
    {
        var cells = _cells[sequence];
        var lowest = int.MaxValue;
        to = Math.Min(to, cells.Length);
        for (var p = from; p < to; p++)
        {
            if (cells[p] == None) continue;
            if (--_users[cells[p]] == 0)
            {
                _used--;
                lowest = Math.Min(lowest, cells[p]);
            }

            cells[p] = None;
        }

        _head = Math.Min(_head, lowest);
    }

    private void Use(int sequence, int position, int cell)
    {
        var cells = _cells[sequence];
        if (position >= cells.Length) cells = Grow(sequence, position + 1);
        if (cells[position] == cell) return;
        if (cells[position] != None) Remove(sequence, position, position + 1);
        cells[position] = cell;
        if (_users[cell]++ == 0) _used++;
    }

    private int[] Grow(int sequence, int least)
    {
        var old = _cells[sequence];
        var cells = GC.AllocateUninitializedArray<int>(Math.Max(Math.Max(least, FirstLength), old.Length * 2), true);
        old.CopyTo(cells, 0);
        Array.Fill(cells, None, old.Length, cells.Length - old.Length);
        return _cells[sequence] = cells;
    }
}
