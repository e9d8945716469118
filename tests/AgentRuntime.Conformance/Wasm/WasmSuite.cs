using AgentRuntime.Abstractions;
using AgentRuntime.Conformance.Wasm.Engines;
using AgentRuntime.Sandboxes.Wasmtime;
using AgentRuntime.Sandboxes.Wasmtime.Loading;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>
/// The WebAssembly core test suite: every <c>.json</c> that wast2json wrote with the <c>.wasm</c> files beside it, and
/// every <c>.wast</c> that has no <c>.json</c> beside it, on the engine of <c>--engine</c>. Further options select
/// files whose name contains one of them.
/// </summary>
internal sealed class WasmSuite : IConformanceSuite
{
    public string Kind => "wasm";

    public ConformanceTally Run(string directory, string[] options, TextWriter failures)
    {
        IScriptEngine engine;
        try
        {
            engine = Engine(ref options);
        }
        catch (Exception e) when (e is ArgumentException or RuntimeErrorException)
        {
            failures.WriteLine(e.Message);
            return new ConformanceTally(0, 1, 0);
        }

        int passed = 0, failed = 0, skipped = 0;
        foreach (var file in Files(directory))
        {
            if (options.Length > 0 && !options.Any(o => Path.GetFileName(file).Contains(o, StringComparison.Ordinal)))
                continue;
            var name = Path.GetRelativePath(directory, file);
            List<ScriptCommand> commands;
            try
            {
                commands = file.EndsWith(".json", StringComparison.Ordinal)
                    ? JsonScript.Read(file) : WastScript.Read(file);
            }
            catch (Exception e) when (e is Text.TextException or System.Text.Json.JsonException)
            {
                failures.WriteLine($"{name}: {e.Message}");
                failed++;
                continue;
            }

            using var runner = new ScriptRunner(engine, name, failures);
            var tally = runner.Run(commands);
            passed += tally.Passed;
            failed += tally.Failed;
            skipped += tally.Skipped;
        }

        return new ConformanceTally(passed, failed, skipped);
    }

    // --engine managed|wasmtime, and for the latter --library PATH when AGENTRUNTIME_WASMTIME does not name it.
    private static IScriptEngine Engine(ref string[] options)
    {
        var name = Take(ref options, "--engine") ?? "managed";
        var path = Take(ref options, "--library");
        if (name == "managed") return new ManagedScripts();
        if (name != "wasmtime") throw new ArgumentException($"--engine: '{name}' is not managed or wasmtime");
        var library = WasmtimeLibrary.Find(path)
            ?? throw new ArgumentException("--engine wasmtime: no libwasmtime is installed; give --library PATH");
        return new WasmtimeScripts(new WasmtimeEngine(library, new WasmtimeEngineOptions { PooledInstances = 0 }));
    }

    private static string? Take(ref string[] options, string name)
    {
        var at = Array.IndexOf(options, name);
        if (at < 0) return null;
        var value = at + 1 < options.Length ? options[at + 1] : throw new ArgumentException($"{name} takes a value");
        options = [.. options[..at], .. options[(at + 2)..]];
        return value;
    }

    private static IEnumerable<string> Files(string directory) => Directory
        .EnumerateFiles(directory, "*.*", SearchOption.AllDirectories)
        .Where(f => f.EndsWith(".json", StringComparison.Ordinal)
            || (f.EndsWith(".wast", StringComparison.Ordinal) && !File.Exists(Path.ChangeExtension(f, ".json"))))
        .Order(StringComparer.Ordinal);
}
