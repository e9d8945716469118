using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentRuntime.TestKit;

/// <summary>
/// JSON of a server, collected and then checked against the types that OpenAI's own client is published with
/// (tests/peers/openai-types). For one test.
/// </summary>
public sealed class OpenAiTypes
{
    private static readonly string Peer = Path.Combine(Repository.Root, "tests", "peers", "openai-types");
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly JsonArray _samples = [];

    /// <summary>Whether the peer's packages are installed.</summary>
    public static bool Available => Directory.Exists(Path.Combine(Peer, "node_modules", "typescript"));

    /// <summary>What a test says where they are not.</summary>
    public const string Absent = "SKIPPED: run npm ci in tests/peers/openai-types";

    /// <summary>Samples of a kind so far.</summary>
    public int CountOf(string kind) => _samples.Count(s => (string?)s!["kind"] == kind);

    /// <summary>Adds a sample.</summary>
    /// <param name="kind">One of the kinds that check.mjs has a type for.</param>
    /// <param name="name">What it is called when something is wrong.</param>
    /// <param name="json">The JSON as it was on the wire.</param>
    public JsonNode Add(string kind, string name, string json)
    {
        var value = JsonNode.Parse(json)!;
        _samples.Add((JsonNode)new JsonObject { ["kind"] = kind, ["name"] = name, ["value"] = value.DeepClone() });
        return value;
    }

    /// <summary>Adds every event of a stream but <c>[DONE]</c>.</summary>
    public IReadOnlyList<JsonNode> AddStream(string kind, string name, string stream)
    {
        var data = stream.Split('\n').Where(l => l.StartsWith("data: ", StringComparison.Ordinal))
            .Select(l => l["data: ".Length..]).Where(d => d != "[DONE]").ToArray();
        return [.. data.Select((d, i) => Add(kind, $"{name}, event {i}", d))];
    }

    /// <summary>What is missing, too much, or of the wrong type.</summary>
    public async Task<IReadOnlyList<string>> ProblemsAsync()
    {
        using var process = Process.Start(new ProcessStartInfo("node", ["check.mjs"])
        {
            WorkingDirectory = Peer,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        try
        {
            var problems = process.StandardOutput.ReadToEndAsync(patience.Token);
            var errors = process.StandardError.ReadToEndAsync(patience.Token);
            await process.StandardInput.WriteAsync(_samples.ToJsonString().AsMemory(), patience.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(patience.Token);
            return process.ExitCode == 0
                ? JsonSerializer.Deserialize<string[]>(await problems)!
                : throw new InvalidOperationException(await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
