using AgentRuntime.Conformance;

IConformanceSuite[] suites =
[
    new AgentRuntime.Conformance.Wasm.WasmSuite(),
];

var suite = args.Length < 2 ? null : Array.Find(suites, s => s.Kind == args[0]);
if (suite is null || !Directory.Exists(args[1]))
{
    Console.Error.WriteLine($"usage: ./tests/conformance KIND DIR   with KIND one of: {string.Join(", ", suites.Select(s => s.Kind))}");
    return 2;
}

var tally = suite.Run(args[1], args[2..], Console.Out);
Console.WriteLine(tally);
return tally.Failed == 0 ? 0 : 1;
