using AgentRuntime.Sandboxes.Managed;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>
/// The WebAssembly core test suite: every <c>.json</c> that wast2json wrote with the <c>.wasm</c> files beside it, and
/// every <c>.wast</c> that has no <c>.json</c> beside it. Further options select files whose name contains one of them.
/// </summary>
internal sealed class WasmSuite : IConformanceSuite
{
    public string Kind => "wasm";

    public ConformanceTally Run(string directory, string[] options, TextWriter failures)
    {
        var named = Array.IndexOf(options, "--engine");
        if (named >= 0)
        {
            if (named + 1 >= options.Length || options[named + 1] != "managed")
            {
                failures.WriteLine("--engine: only 'managed' links modules to one another, which the corpus needs");
                return new ConformanceTally(0, 1, 0);
            }

            options = [.. options[..named], .. options[(named + 2)..]];
        }

        var engine = new ManagedWasmEngine();
        int passed = 0, failed = 0, skipped = 0;
        foreach (var file in Files(directory))
        {
            if (options.Length > 0 && !options.Any(o => Path.GetFileName(file).Contains(o, StringComparison.Ordinal))) continue;
            var name = Path.GetRelativePath(directory, file);
            List<ScriptCommand> commands;
            try
            {
                commands = file.EndsWith(".json", StringComparison.Ordinal) ? JsonScript.Read(file) : WastScript.Read(file);
            }
            catch (Exception e) when (e is Text.TextException or System.Text.Json.JsonException)
            {
                failures.WriteLine($"{name}: {e.Message}");
                failed++;
                continue;
            }

            var tally = new ScriptRunner(engine, name, failures).Run(commands);
            passed += tally.Passed;
            failed += tally.Failed;
            skipped += tally.Skipped;
        }

        return new ConformanceTally(passed, failed, skipped);
    }

    private static IEnumerable<string> Files(string directory) => Directory
        .EnumerateFiles(directory, "*.*", SearchOption.AllDirectories)
        .Where(f => f.EndsWith(".json", StringComparison.Ordinal)
            || (f.EndsWith(".wast", StringComparison.Ordinal) && !File.Exists(Path.ChangeExtension(f, ".json"))))
        .Order(StringComparer.Ordinal);
}
