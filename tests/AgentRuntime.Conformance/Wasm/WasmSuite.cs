using AgentRuntime.Sandboxes.Managed;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>
/// The WebAssembly core test suite: every <c>.json</c> that wast2json wrote, with the <c>.wasm</c> files beside it.
/// </summary>
internal sealed class WasmSuite : IConformanceSuite
{
    public string Kind => "wasm";

    public ConformanceTally Run(string directory, string[] options, TextWriter failures)
    {
        var engine = new ManagedWasmEngine();
        int passed = 0, failed = 0, skipped = 0;
        foreach (var file in Directory.EnumerateFiles(directory, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (options.Length > 0 && !options.Any(o => Path.GetFileName(file).Contains(o, StringComparison.Ordinal))) continue;
            var tally = new ScriptRunner(engine, Path.GetRelativePath(directory, file), failures).Run(JsonScript.Read(file));
            passed += tally.Passed;
            failed += tally.Failed;
            skipped += tally.Skipped;
        }

        return new ConformanceTally(passed, failed, skipped);
    }
}
