using System.Globalization;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>What <c>./tests/bench sandbox</c> was asked for.</summary>
/// <param name="Engine"><c>managed</c> or <c>wasmtime</c>.</param>
/// <param name="Library">The <c>libwasmtime.so</c>; null to look for one.</param>
/// <param name="Agents">Suspended at once.</param>
/// <param name="Signals">Whether Wasmtime traps by signals.</param>
/// <param name="Parts">Of <see cref="AllParts"/>.</param>
internal sealed record SandboxOptions(
    string Engine, string? Library, int Agents, bool Signals, IReadOnlyList<string> Parts)
{
    public static readonly string[] AllParts = ["latencies", "stopping", "suspension", "compute", "conformance"];

    private const string Usage =
        "usage: sandbox [--engine managed|wasmtime] [--library PATH] [--signals on|off] [--agents N] [--parts PART,…] "
        + "with PART one of: ";

    public static SandboxOptions Parse(string[] args)
    {
        var options = new SandboxOptions("managed", null, 100_000, true, AllParts);
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : throw Bad();
            options = args[i] switch
            {
                "--engine" when value is "managed" or "wasmtime" => options with { Engine = value },
                "--library" => options with { Library = Path.GetFullPath(value) },
                "--agents" => options with { Agents = int.Parse(value, CultureInfo.InvariantCulture) },
                "--signals" when value is "on" or "off" => options with { Signals = value == "on" },
                "--parts" when value.Split(',').All(AllParts.Contains) => options with { Parts = value.Split(',') },
                _ => throw Bad(),
            };
        }

        return options;
    }

    private static ArgumentException Bad() => new(Usage + string.Join(", ", AllParts));
}
