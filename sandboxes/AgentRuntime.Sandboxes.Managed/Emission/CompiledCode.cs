using System.Reflection;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>A module's machine code, by function. Thread-safe.</summary>
internal sealed class CompiledCode
{
    private readonly ModuleModel _model;
    private readonly Dictionary<int, MethodInfo> _thunks = [];
    private readonly Dictionary<int, EntryPoint> _entries = [];
    private readonly Dictionary<int, int> _ordinals = [];
    private readonly Dictionary<EntryPoint, int> _functions = new(ReferenceEqualityComparer.Instance);

    public CompiledCode(
        ModuleModel model, MethodInfo[] methods, IEnumerable<int> referenced, IEnumerable<int> called, long ilBytes)
    {
        _model = model;
        IlBytes = ilBytes;
        Methods = methods;
        var byName = methods.ToDictionary(m => m.Name, StringComparer.Ordinal);
        foreach (var i in referenced)
        {
            _ordinals.Add(i, _ordinals.Count);
            _thunks.Add(i, byName["t" + i]);
        }

        foreach (var i in called)
        {
            var entry = new EntryPoint(model.Functions[i], byName["e" + i].CreateDelegate<EntryCode>(this));
            _entries.Add(i, entry);
            _functions.Add(entry, i);
        }

        foreach (var type in model.Types.Concat(model.Functions))
        {
            if (DelegateTypes.IsWide(type) || type.Results.Length > 1)
                BufferSlots = Math.Max(BufferSlots, Math.Max(type.Parameters.Length, type.Results.Length));
        }
    }

    /// <summary>Every emitted method, for the test that inspects what is emitted.</summary>
    public MethodInfo[] Methods { get; }

    /// <summary>Bytes of IL, of which machine code becomes two or three times as many.</summary>
    public long IlBytes { get; }

    /// <summary>The most values that one call passes through the value buffer.</summary>
    public int BufferSlots { get; }

    /// <summary>Functions that can be values.</summary>
    public int ReferenceCount => _ordinals.Count;

    /// <summary>A function's place among those; throws for another, which only forged state names.</summary>
    public int OrdinalOf(int function) => _ordinals[function];

    public bool IsReferenced(int function) => _ordinals.ContainsKey(function);

    /// <summary>Whether the host may call a function.</summary>
    public bool IsEntry(int function) => _entries.ContainsKey(function);

    /// <summary>The function that an entry point calls.</summary>
    public int FunctionOf(EntryPoint entry) => _functions[entry];

    public EntryPoint Entry(int function) => _entries[function];

    public Delegate MakeDelegate(ManagedInstance instance, int function) =>
        _thunks[function].CreateDelegate(DelegateTypes.Of(_model.Functions[function]), instance);
}
