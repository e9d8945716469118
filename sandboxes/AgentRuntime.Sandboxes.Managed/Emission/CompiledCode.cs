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

    public CompiledCode(ModuleModel model, MethodInfo[] methods, IEnumerable<int> referenced)
    {
        _model = model;
        Methods = methods;
        var byName = methods.ToDictionary(m => m.Name, StringComparer.Ordinal);
        foreach (var i in referenced)
        {
            _thunks.Add(i, byName["t" + i]);
            _entries.Add(i, new EntryPoint(model.Functions[i], byName["e" + i].CreateDelegate<EntryCode>()));
        }

        foreach (var type in model.Types.Concat(model.Functions))
            BufferSlots = Math.Max(BufferSlots, Math.Max(type.Parameters.Length, type.Results.Length));
    }

    /// <summary>Every emitted method, for the test that inspects what is emitted.</summary>
    public MethodInfo[] Methods { get; }

    /// <summary>The most values that one call passes through the value buffer.</summary>
    public int BufferSlots { get; }

    public EntryPoint Entry(int function) => _entries[function];

    public Delegate MakeDelegate(ManagedInstance instance, int function) =>
        _thunks[function].CreateDelegate(DelegateTypes.Of(_model.Functions[function]), instance);
}
