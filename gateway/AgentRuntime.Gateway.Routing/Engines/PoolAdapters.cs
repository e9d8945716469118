using System.Runtime.InteropServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>What an engine has of an adapter.</summary>
internal enum AdapterState : byte
{
    /// <summary>It cannot serve it.</summary>
    Absent = 0,

    /// <summary>It can, and must load it first.</summary>
    Servable = 1,

    /// <summary>It is loaded.</summary>
    Loaded = 2,
}

/// <summary>
/// Which engines of a pool can serve which adapters of its base model, and which have them loaded. Kept by adapter and
/// not by engine: a decision is about one adapter and reads a byte for each engine, however many adapters there are.
/// Number 0 is the base model itself. Owned by its pool, single writer.
/// </summary>
internal sealed class PoolAdapters
{
    /// <summary>
    /// Adapters of one pool that can be told apart at once; numbers of those that nobody has any more are used again.
    /// </summary>
    public const int MaxAdapters = 65_536;

    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<Column> _columns = [new("")];
    private EngineAdapters?[] _engines = [];

    /// <summary>Engines by number, from 0: what each has of the adapter. As long as there are places.</summary>
    public ReadOnlySpan<AdapterState> Of(int adapter) =>
        MemoryMarshal.Cast<byte, AdapterState>(_columns[adapter].States.AsSpan(0, _engines.Length));

    public bool Exists(int adapter) => (uint)adapter < (uint)_columns.Count;

    /// <summary>
    /// Whether every adapter that the engine can hold at once is at work: another one waits for one of them to end.
    /// </summary>
    public bool IsFull(int engine) => _engines[engine] is { } adapters && adapters.Working >= adapters.Capacity;

    /// <summary>The adapter's number; 0 for no name, -1 when there are too many.</summary>
    public int Number(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return 0;
        if (_numbers.TryGetValue(name, out var number))
            return number;
        number = _columns.Count <= MaxAdapters ? _columns.Count : _columns.FindIndex(1, c => c.IsUnused);
        if (number < 0)
            return -1;
        if (number == _columns.Count)
        {
            _columns.Add(new(name));
        }
        else
        {
            _numbers.Remove(_columns[number].Name);
            _columns[number] = new(name);
        }

        _columns[number].Fit(_engines.Length);
        _numbers.Add(name, number);
        return number;
    }

    /// <summary>A new engine: it serves the base model.</summary>
    public void Add(int engine)
    {
        if (engine >= _engines.Length)
        {
            Array.Resize(ref _engines, engine + 1);
            foreach (var column in _columns)
                column.Fit(_engines.Length);
        }

        _engines[engine] = new();
        _columns[0].States[engine] = (byte)AdapterState.Loaded;
    }

    /// <summary>An engine has left.</summary>
    public void Remove(int engine) => Serve(engine, servesBase: false, []);

    /// <summary>Says what an engine can serve.</summary>
    /// <returns>Whether something that it could serve is no longer among it, and whether something is new.</returns>
    public (bool Lost, bool Gained) Serve(int engine, bool servesBase, IEnumerable<string> names)
    {
        var adapters = _engines[engine]!;
        var before = adapters.Servable;
        var after = new HashSet<int>();
        foreach (var name in names)
        {
            // Taken at once: a number that nobody has may be given to the next name.
            if (Number(name) is > 0 and var number && after.Add(number) && !before.Contains(number))
            {
                _columns[number].Engines++;
                _columns[number].States[engine] = (byte)AdapterState.Servable;
            }
        }

        var lost = false;
        foreach (var number in before)
        {
            if (after.Contains(number))
                continue;
            lost = true;
            _columns[number].Engines--;
            _columns[number].States[engine] = (byte)AdapterState.Absent;
            adapters.Loaded.Remove(number);
        }

        var gained = after.Count > before.Count || !before.IsSupersetOf(after);
        adapters.Servable = after;
        var hadBase = _columns[0].States[engine] != (byte)AdapterState.Absent;
        _columns[0].States[engine] = (byte)(servesBase ? AdapterState.Loaded : AdapterState.Absent);
        return (lost || (hadBase && !servesBase), gained || (servesBase && !hadBase));
    }

    /// <summary>Takes in what an engine says of its adapters.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="working">Those of the requests that it works on.</param>
    /// <param name="capacity">How many it holds loaded.</param>
    public void Report(int engine, IEnumerable<string> working, int capacity)
    {
        var adapters = _engines[engine]!;
        adapters.Capacity = Math.Max(0, capacity);
        adapters.Working = 0;
        foreach (var name in working)
        {
            if (_numbers.TryGetValue(name, out var number))
                Touch(engine, number);
            adapters.Working++;
        }

        Shrink(engine, adapters);
    }

    /// <summary>The engine is given a request for the adapter, and will have it loaded.</summary>
    public void Touch(int engine, int adapter)
    {
        if (adapter == 0 || _columns[adapter].States[engine] == (byte)AdapterState.Absent)
            return;
        var adapters = _engines[engine]!;
        adapters.Loaded.Remove(adapter);
        adapters.Loaded.Add(adapter);
        _columns[adapter].States[engine] = (byte)AdapterState.Loaded;
        Shrink(engine, adapters);
    }

    /// <summary>Nothing is loaded any more.</summary>
    public void Forget(int engine)
    {
        var adapters = _engines[engine]!;
        foreach (var adapter in adapters.Loaded)
            _columns[adapter].States[engine] = (byte)AdapterState.Servable;
        adapters.Loaded.Clear();
        adapters.Working = 0;
    }

    /// <summary>A request for the adapter begins, or with -1 ends: its number stays its own until then.</summary>
    public void Count(int adapter, int requests) => _columns[adapter].Requests += requests;

    private void Shrink(int engine, EngineAdapters adapters)
    {
        // Engines give the place of the one that was used longest ago to the next (vLLM's LRU cache of adapters).
        var over = adapters.Loaded.Count - adapters.Capacity;
        if (over <= 0)
            return;
        foreach (var adapter in adapters.Loaded[..over])
            _columns[adapter].States[engine] = (byte)AdapterState.Servable;
        adapters.Loaded.RemoveRange(0, over);
    }

    private sealed class Column(string name)
    {
        private byte[] _states = [];

        public string Name => name;

        public byte[] States => _states;

        /// <summary>Engines that can serve it.</summary>
        public int Engines { get; set; }

        /// <summary>Requests for it that have not ended.</summary>
        public int Requests { get; set; }

        public bool IsUnused => Engines == 0 && Requests == 0;

        public void Fit(int engines)
        {
            if (_states.Length < engines)
                Array.Resize(ref _states, Math.Max(engines, Math.Max(8, _states.Length * 2)));
        }
    }

    private sealed class EngineAdapters
    {
        public HashSet<int> Servable { get; set; } = [];

        /// <summary>Loaded ones, the one that was used longest ago first.</summary>
        public List<int> Loaded { get; } = [];

        /// <summary>How many it holds loaded; unbounded when it does not say.</summary>
        public int Capacity { get; set; } = int.MaxValue;

        /// <summary>How many were at work at its last report.</summary>
        public int Working { get; set; }
    }
}
