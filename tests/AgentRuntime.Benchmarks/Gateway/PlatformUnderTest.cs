using System.Text.Json.Nodes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// The platform as it is run: the program <c>agentruntime all</c> with a configuration file, so that what is measured
/// has the product's keys in SQLite, quota, policy, audit records, routing, transport and runtime settings, and nothing
/// of the benchmark's own. Owns the process.
/// </summary>
internal sealed class PlatformUnderTest : IDisposable
{
    // Several, because one tenant may have 2,000 requests under way.
    private const int Tenants = 3;

    private const string Bundle = """
        name: bench
        quota:
          requests_per_minute: 10_000_000
          tokens_per_minute: 1_000_000_000
          cost_per_day_usd: 1000
          concurrent_runs: 16
        models:
          sim:
            direct: [bench]
          simulated:
            direct: [bench]
          slow:
            direct: [bench]
        """;

    private readonly ChildProcess _process;

    private PlatformUnderTest(ChildProcess process, IReadOnlyList<string> keys)
    {
        _process = process;
        Keys = keys;
    }

    /// <summary>A key of each tenant.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Where its edge listens.</summary>
    public string Address => _process.Address;

    /// <summary>Resident memory now, in MiB.</summary>
    public double RssMb => _process.RssMb;

    /// <summary>Starts it in front of engines of some models.</summary>
    /// <param name="folder">An empty folder for its state.</param>
    /// <param name="engines">The engines' addresses, with the kind and the model of each.</param>
    public static async Task<PlatformUnderTest> StartAsync(
        string folder, IReadOnlyList<(string Address, string Kind, string Model)> engines)
    {
        var bundle = Directory.CreateDirectory(Path.Combine(folder, "bundle"));
        await File.WriteAllTextAsync(Path.Combine(bundle.FullName, "bundle.yaml"), Bundle);
        var enginesFile = Path.Combine(folder, "engines.json");
        await File.WriteAllTextAsync(enginesFile, new JsonObject
        {
            ["engines"] = new JsonArray([
                .. engines.Select((engine, i) => new JsonObject
                {
                    ["name"] = $"{engine.Model}-{i}",
                    ["url"] = engine.Address,
                    ["kind"] = engine.Kind,
                    ["models"] = new JsonObject { [engine.Model] = engine.Model },
                    ["max_running"] = SimulatedEngines.Sequences,
                }),
            ]),
        }.ToJsonString());
        var config = Path.Combine(folder, "config.json");
        await File.WriteAllTextAsync(config, new JsonObject
        {
            ["state"] = folder,
            ["nodes"] = new JsonObject { ["count"] = 0 },
            ["engines_file"] = enginesFile,
            ["disaggregation"] = "never",
            ["prices"] = new JsonObject
            {
                ["*"] = new JsonObject { ["prompt_usd_per_million"] = 0.5, ["output_usd_per_million"] = 1.5 },
            },
            ["tenants"] = new JsonArray([
                .. Enumerable.Range(0, Tenants).Select(i => new JsonObject
                {
                    ["name"] = $"bench-{i}",
                    ["project"] = "bench",
                    ["bundle"] = bundle.FullName,
                    ["key_file"] = KeyFile(i),
                }),
            ]),
        }.ToJsonString());
        var process = await ChildProcess.StartAsync(
            "dotnet", [Program, "all", "--config", config, "--port", "0"], ReadyAt);
        return new PlatformUnderTest(
            process,
            [
                .. Enumerable.Range(0, Tenants)
                    .Select(i => File.ReadAllText(Path.Combine(folder, KeyFile(i))).Trim()),
            ]);
    }

    /// <summary>The built program, of the same configuration as this one.</summary>
    public static string Program
    {
        get
        {
            // bin/<configuration>/<framework>, the same for every project of one build.
            var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            return Path.Combine(
                Repository.Root, "runtime", "AgentRuntime.Host", "bin", output.Parent!.Name, output.Name,
                "agentruntime.dll");
        }
    }

    /// <summary>The address in the line that says that a role of the platform is ready; null in any other.</summary>
    public static string? ReadyAt(string line) =>
        line.StartsWith("ready ", StringComparison.Ordinal) ? line["ready ".Length..] : null;

    public void Dispose() => _process.Dispose();

    private static string KeyFile(int tenant) => $"bench-{tenant}.key";
}
