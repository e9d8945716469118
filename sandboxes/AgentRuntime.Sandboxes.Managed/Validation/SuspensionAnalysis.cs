using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Validation;

/// <summary>
/// Which functions can reach a blocking import: along calls, and along indirect calls to any function of the same
/// type that a table could hold. Only those pay for suspension.
/// </summary>
internal sealed class SuspensionAnalysis
{
    private readonly bool[] _functions;
    private readonly HashSet<FunctionType> _types = [];

    public SuspensionAnalysis(ModuleModel model, FunctionFacts[] facts, IReadOnlySet<int> blockingImports,
        IReadOnlySet<int> referenced)
    {
        _functions = new bool[model.Functions.Count];
        if (blockingImports.Count == 0) return;
        var callers = new Dictionary<int, List<int>>();
        var indirect = new Dictionary<FunctionType, List<int>>();
        for (var i = 0; i < facts.Length; i++)
        {
            var function = model.ImportedFunctions + i;
            foreach (var callee in facts[i].Callees) Add(callers, callee, function);
            foreach (var type in facts[i].IndirectTypes) Add(indirect, type, function);
        }

        var work = new Queue<int>();
        foreach (var import in blockingImports) Mark(import);
        while (work.TryDequeue(out var next))
        {
            foreach (var caller in callers.GetValueOrDefault(next, [])) Mark(caller);
            if (!referenced.Contains(next) || !_types.Add(model.Functions[next])) continue;
            foreach (var caller in indirect.GetValueOrDefault(model.Functions[next], [])) Mark(caller);
        }

        void Mark(int function)
        {
            if (_functions[function]) return;
            _functions[function] = true;
            work.Enqueue(function);
        }
    }

    public bool MaySuspend(int function) => _functions[function];

    public bool MaySuspend(FunctionType indirect) => _types.Contains(indirect);

    private static void Add<T>(Dictionary<T, List<int>> map, T key, int value)
        where T : notnull
    {
        if (!map.TryGetValue(key, out var list)) map.Add(key, list = []);
        list.Add(value);
    }
}
