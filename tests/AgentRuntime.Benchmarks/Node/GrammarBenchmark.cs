using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// What grammars of JSON schemas take and refuse, by instances that others judged, and how long a grammar takes to
/// make: MaskBench's files (guidance-ai/jsonschemabench, folder maskbench/data), each a schema with right and wrong
/// instances. As there, objects are open that say nothing of further properties.
/// </summary>
internal sealed class GrammarBenchmark : IBenchmark
{
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 512 };

    private static readonly JsonSerializerOptions Plain =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 512 };

    public string Name => "grammar";

    public Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        if (args is not ["--data", var folder] || !Directory.Exists(folder))
            throw new ArgumentException("say --data FOLDER, with MaskBench's files (maskbench/data)");
        var (schemas, passing, refused, rightRefused, right, wrongTaken, wrong) = (0, 0, 0, 0, 0, 0, 0);
        List<double> times = [];
        foreach (var file in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Read(file) is not { } json) continue;
            using var document = json;
            schemas++;
            var schema = Opened(json.RootElement.GetProperty("schema"));
            var began = Stopwatch.GetTimestamp();
            if (Grammar(schema) is not { } grammar)
            {
                refused++;
                continue;
            }

            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            var isRight = true;
            foreach (var test in json.RootElement.GetProperty("tests").EnumerateArray())
            {
                var (isValid, isTaken) = (test.GetProperty("valid").GetBoolean(), Takes(grammar, test));
                (right, wrong) = isValid ? (right + 1, wrong) : (right, wrong + 1);
                if (isValid && !isTaken) rightRefused++;
                if (!isValid && isTaken) wrongTaken++;
                isRight &= isValid == isTaken;
            }

            if (isRight) passing++;
        }

        if (schemas == 0) throw new ArgumentException($"{folder} has no files of MaskBench");
        times.Sort();
        return Task.FromResult(new JsonObject
        {
            ["schemas"] = schemas,
            ["passing"] = passing,
            ["passing_ratio"] = Math.Round((double)passing / schemas, 4),
            ["schemas_refused"] = refused,
            ["right"] = right,
            ["right_refused"] = rightRefused,
            ["wrong"] = wrong,
            ["wrong_taken"] = wrongTaken,
            ["make_ms_p50"] = Math.Round(times[times.Count / 2], 3),
            ["make_ms_p99"] = Math.Round(times[times.Count * 99 / 100], 3),
            ["make_ms_max"] = Math.Round(times[^1], 3),
        });
    }

    /// <summary>A file that is whole; a copy of them may have some that are not.</summary>
    private static JsonDocument? Read(string file)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(file), Deep);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static GrammarAutomaton? Grammar(JsonElement schema)
    {
        try
        {
            return new(OutputGrammar.OfSchema(schema).Root);
        }
        catch (RuntimeErrorException)
        {
            return null;
        }
    }

    private static bool Takes(GrammarAutomaton grammar, JsonElement test)
    {
        var at = new AnswerPlace(grammar.Start);
        foreach (var part in Encoding.UTF8.GetBytes(JsonSerializer.Serialize(test.GetProperty("data"), Plain)))
        {
            grammar.Begin();
            at = grammar.Step(at, part);
        }

        return grammar.MayEnd(at.At);
    }

    private static JsonElement Opened(JsonElement schema)
    {
        var node = JsonNode.Parse(schema.GetRawText(), documentOptions: Deep);
        Open(node, isSchema: true);
        return JsonSerializer.SerializeToElement(node, Plain);
    }

    private static void Open(JsonNode? node, bool isSchema)
    {
        if (node is JsonArray array)
            foreach (var item in array) Open(item, isSchema: true);
        if (node is not JsonObject json) return;
        if (isSchema && json["properties"] is JsonObject) json.TryAdd("additionalProperties", true);
        foreach (var (name, value) in json.ToArray())
            if (!isSchema || name is not ("enum" or "const" or "default" or "examples"))
                Open(value, !isSchema || name is not ("properties" or "patternProperties" or "definitions" or "$defs"
                    or "dependencies" or "dependentSchemas"));
    }
}
