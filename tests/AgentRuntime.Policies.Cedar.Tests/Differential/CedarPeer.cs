using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Cedar.Tests.Differential;

/// <summary>
/// The official engine, run by node: cases go in as lines of JSON, answers come back in order. Null from
/// <see cref="AskAll"/>, with the reason written, where node or the package is missing and cannot be installed.
/// </summary>
internal static class CedarPeer
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "peers", "cedar");
    private static readonly Lazy<string?> Problem = new(Install);

    public static List<JsonObject>? AskAll(
        IReadOnlyCollection<(string Op, JsonObject Call)> cases, Xunit.Abstractions.ITestOutputHelper output)
    {
        if (Problem.Value is { } problem)
        {
            output.WriteLine($"skipped: {problem}");
            return null;
        }

        using var process = Start("node", "oracle.mjs");
        var answers = Task.Run(() => ReadAnswers(process, cases.Count));
        foreach (var (op, call) in cases)
            process.StandardInput.WriteLine(new JsonObject { ["op"] = op, ["call"] = call }.ToJsonString());
        process.StandardInput.Close();
        if (!answers.Wait(Patience)) throw new TimeoutException("the official engine did not answer");
        process.WaitForExit();
        return answers.Result;
    }

    private static List<JsonObject> ReadAnswers(Process process, int count)
    {
        var answers = new List<JsonObject>(count);
        while (process.StandardOutput.ReadLine() is { } line) answers.Add((JsonObject)JsonNode.Parse(line)!);
        return answers.Count == count
            ? answers
            : throw new InvalidOperationException(
                $"{answers.Count} answers to {count} cases: {process.StandardError.ReadToEnd()}");
    }

    private static string? Install()
    {
        if (Directory.Exists(Path.Combine(Folder, "node_modules", "@cedar-policy", "cedar-wasm"))) return null;
        try
        {
            using var process = Start("npm", "ci --no-audit --no-fund");
            process.StandardInput.Close();
            var error = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            if (!process.WaitForExit(Patience)) return "npm ci did not end";
            return process.ExitCode == 0 ? null : $"npm ci failed: {error.Result.Split('\n')[0]}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "node and npm are not installed";
        }
    }

    private static Process Start(string file, string arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = Folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }
}

internal static class JsonNodes
{
    public static JsonObject Uid(EntityUid uid) => new() { ["type"] = uid.Type, ["id"] = uid.Id };

    public static JsonNode Parse(string json) =>
        JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { MaxDepth = 512 })!;
}
