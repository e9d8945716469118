using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>
/// Our schema of a tool's arguments against the one of Cedar's own generator (npm
/// <c>@cedar-policy/mcp-schema-generator-wasm</c>), over the part of JSON Schema that both give a type: strings,
/// integers,
/// booleans, numbers as decimals, arrays, and objects as records.
/// </summary>
public sealed class SchemaGeneratorTests(ITestOutputHelper output)
{
    private const int Tools = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly string[] Scalars = ["string", "integer", "boolean", "number"];
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "peers", "mcp-schema");

    [Fact]
    public async Task Our_schema_of_a_tool_is_the_one_of_cedars_own_generator()
    {
        var random = new Random(20_260_101);
        var tools = new JsonArray();
        for (var i = 0; i < Tools; i++)
        {
            tools.Add(new JsonObject
            {
                ["name"] = $"t{i}",
                ["description"] = "A tool.",
                ["inputSchema"] = Object(random, depth: 0),
            });
        }

        if (await AskAsync(tools.ToJsonString()) is not { } answers)
            return;

        Assert.Equal(Tools, answers.Count);
        foreach (var tool in tools)
        {
            using var schema = JsonDocument.Parse(tool!["inputSchema"]!.ToJsonString());
            var shape = ShapeReader.ReadArguments(schema.RootElement, out var problem);
            Assert.Null(problem);
            Assert.Equal((string)answers[(string)tool["name"]!]!, Spell(shape!));
        }
    }

    private static JsonObject Object(Random random, int depth)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            var name = $"p{i}";
            properties[name] = Schema(random, depth + 1);
            if (random.Next(2) == 0)
                required.Add(name);
        }

        return new()
        {
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = required,
            ["additionalProperties"] = false,
        };
    }

    private static JsonObject Schema(Random random, int depth) =>
        (depth > 3 ? 0 : random.Next(4)) switch
        {
            2 => Object(random, depth),
            3 => new() { ["type"] = "array", ["items"] = Schema(random, depth + 1) },
            _ => new() { ["type"] = Scalars[random.Next(Scalars.Length)] },
        };

    private static string Spell(ArgumentShape shape) =>
        shape switch
        {
            TextShape => "String",
            IntegerShape => "Long",
            FlagShape => "Bool",
            NumberShape => "decimal",
            ListShape list => $"Set<{Spell(list.Element)}>",
            ObjectShape record => "{" + string.Join(',', record.Properties
                .OrderBy(p => p.Name, StringComparer.Ordinal)
                .Select(p => $"{p.Name}{(p.Required ? "" : "?")}:{Spell(p.Shape)}")) + "}",
            _ => shape.Kind,
        };

    private async Task<JsonObject?> AskAsync(string tools)
    {
        try
        {
            if (!Directory.Exists(Path.Combine(Folder, "node_modules"))
                && await RunAsync("npm", "ci --no-audit --no-fund", "") is null)
                return null;
            return await RunAsync("node", "generate.mjs", tools) is { } answer ? (JsonObject?)JsonNode.Parse(answer)
                : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            output.WriteLine("skipped: node and npm are not installed");
            return null;
        }
    }

    private async Task<string?> RunAsync(string file, string arguments, string input)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = Folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        var answer = process.StandardOutput.ReadToEndAsync(patience.Token);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(patience.Token);
        if (process.ExitCode == 0)
            return await answer;
        if (file == "npm")
        {
            output.WriteLine($"skipped: {file} {arguments} failed");
            return null;
        }

        throw new InvalidOperationException(await error);
    }
}
