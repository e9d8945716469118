using AgentRuntime.Conformance.Wasm.Engines;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>Runs the commands of one script and counts its assertions; a module that must load is one, too.</summary>
internal sealed class ScriptRunner(IScriptEngine engine, string file, TextWriter failures) : IDisposable
{
    private static readonly (string Text, TrapKind Kind)[] Traps =
    [
        ("out of bounds memory", TrapKind.MemoryOutOfBounds), ("out of bounds table", TrapKind.TableOutOfBounds),
        ("undefined element", TrapKind.TableOutOfBounds), ("uninitialized", TrapKind.UninitializedElement),
        ("indirect call type", TrapKind.IndirectCallTypeMismatch), ("integer divide", TrapKind.IntegerDivideByZero),
        ("integer overflow", TrapKind.IntegerOverflow), ("invalid conversion", TrapKind.InvalidConversion),
        ("unreachable", TrapKind.Unreachable), ("call stack", TrapKind.CallStackExhausted),
    ];

    private readonly Dictionary<string, IScriptInstance> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IScriptInstance> _registered = new(StringComparer.Ordinal);
    private readonly IScriptWorld _world = engine.NewWorld();
    private IScriptInstance? _current;

    public void Dispose() => _world.Dispose();

    public ConformanceTally Run(IEnumerable<ScriptCommand> commands)
    {
        int passed = 0, failed = 0, skipped = 0;
        foreach (var command in commands)
        {
            string? fault;
            try
            {
                fault = Step(command);
            }
            catch (Exception e)
            {
                // Whatever escapes the engine here is a finding about the engine, and the script goes on.
                fault = $"{e.GetType().Name}: {e.Message}";
            }

            if (ReferenceEquals(fault, Skipped)) skipped++;
            else if (fault is null && command.Type is not ("register" or "action")) passed++;
            else if (fault is not null)
            {
                failed++;
                failures.WriteLine($"{file}:{command.Line}: {command.Type}: {fault}");
            }
        }

        return new ConformanceTally(passed, failed, skipped);
    }

    private static readonly string Skipped = new("skipped");

    private string? Step(ScriptCommand c)
    {
        switch (c.Type)
        {
            case "module":
                if (c.Module is null) return Skipped;
                _current = null;
                _current = Instantiate(c.Module());
                if (c.Name is not null) _named[c.Name] = _current;
                return null;
            case "register":
                _registered[c.RegisterAs!] = Target(c.Name);
                return null;
            case "action":
                Perform(c.Action!);
                return null;
            case "assert_return":
                return Compare(Perform(c.Action!), c.Expected);
            case "assert_trap" or "assert_exhaustion":
                return Trap(c.Text, () => Perform(c.Action!));
            case "assert_uninstantiable":
                return Trap(c.Text, () => Instantiate(c.Module!()));
            case "assert_unlinkable":
                return Throws<WasmLinkException>(() => Instantiate(c.Module!()), _ => null);
            case "assert_invalid" or "assert_malformed":
                if (c.Module is null) return Skipped;
                var fault = c.Type == "assert_invalid" ? ModuleFault.Invalid : ModuleFault.Malformed;
                return Throws<WasmModuleException>(
                    () => engine.Compile(c.Module()),
                    e => e.Fault == fault || !engine.TellsMalformedFromInvalid ? null
                        : $"{e.Fault} ({e.Message}), expected: {c.Text}");
            default:
                return $"unknown command";
        }
    }

    private IScriptInstance Target(string? name) =>
        (name is null ? _current : _named.GetValueOrDefault(name)) ?? throw new InvalidOperationException(
            "no such module");

    private IScriptInstance Instantiate(byte[] wasm) => _world.Instantiate(wasm, _registered.GetValueOrDefault);

    private WasmValue[] Perform(ScriptAction action)
    {
        var target = Target(action.Module);
        return action.Invoke ? target.Invoke(action.Field, action.Arguments) : [target.Read(action.Field)];
    }

    private static string? Compare(WasmValue[] actual, IReadOnlyList<ExpectedValue> expected)
    {
        if (actual.Length != expected.Count) return $"{actual.Length} results, expected {expected.Count}";
        for (var i = 0; i < actual.Length; i++)
            if (!expected[i].Matches(actual[i]))
                return $"result {i} is {actual[i].Bits:x}, expected {expected[i]}";
        return null;
    }

    private static string? Trap(string text, Action action) => Throws<WasmTrapException>(action, e =>
    {
        foreach (var (prefix, kind) in Traps)
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                return e.Kind == kind ? null : $"trapped with {e.Kind}, expected: {text}";
        return $"unknown trap text: {text}";
    });

    private static string? Throws<T>(Action action, Func<T, string?> check)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (T e)
        {
            return check(e);
        }

        return $"no {typeof(T).Name}";
    }
}
