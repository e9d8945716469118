using AgentRuntime.Conformance;
using AgentRuntime.Conformance.Cedar;
using AgentRuntime.Conformance.Wasm;

IConformanceSuite[] suites = [new WasmSuite(), new CedarConformance()];

var suite = args.Length < 2 ? null : Array.Find(suites, s => s.Kind == args[0]);
if (suite is null || !Directory.Exists(args[1]))
{
    var kinds = string.Join(", ", suites.Select(s => s.Kind));
    Console.Error.WriteLine($"usage: ./tests/conformance KIND DIR   with KIND one of: {kinds}");
    return 2;
}

var tally = suite.Run(args[1], args[2..], Console.Out);
Console.WriteLine(tally);
return tally.Failed == 0 ? 0 : 1;
