using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentRuntime.TestKit;

/// <summary>Jinja2 itself, in the environment that Hugging Face's transformers makes for chat templates.</summary>
public static class JinjaOracle
{
    /// <summary>Chat templates of well-known families, by name.</summary>
    public static string Template(string name) =>
        File.ReadAllText(Path.Combine(Folder, "templates", $"{name}.jinja"));

    /// <summary>Whether it is installed.</summary>
    public static bool IsHere => Python.Has("jinja2");

    /// <summary>Where the templates are.</summary>
    public static string Folder => Path.Combine(Repository.Root, "tests", "AgentRuntime.Prompts.Tests", "Jinja");

    /// <summary>What each template makes of its values; null for an error.</summary>
    public static async Task<List<string?>> RenderAsync(IReadOnlyList<(string Template, JsonObject Values)> cases)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllLinesAsync(file, cases.Select(c =>
                new JsonObject { ["template"] = c.Template, ["values"] = c.Values.DeepClone() }.ToJsonString()));
            using var process = Python.Start(Path.Combine(Folder, "oracle.py"), [file]);
            var text = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return lines.Length == cases.Count
                ? [.. lines.Select(l => JsonSerializer.Deserialize<string?>(l))]
                : throw new InvalidDataException($"{cases.Count} were asked for and {lines.Length} rendered");
        }
        finally
        {
            File.Delete(file);
        }
    }
}
