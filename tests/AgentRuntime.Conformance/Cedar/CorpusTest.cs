using System.Text.Json;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Conformance.Cedar;

/// <summary>One test of the official corpus: a schema, policies, entities and requests with their answers.</summary>
internal sealed class CorpusTest
{
    private CorpusTest(CedarSchema schema, string policyText, CedarEntities entities, List<CorpusRequest> requests)
    {
        (Schema, PolicyText, Entities, Requests) = (schema, policyText, entities, requests);
    }

    public CedarSchema Schema { get; }

    public string PolicyText { get; }

    public CedarEntities Entities { get; }

    public List<CorpusRequest> Requests { get; }

    public bool ShouldValidate { get; private init; }

    /// <summary>Null when the file is JSON of another kind.</summary>
    public static CorpusTest? Read(CorpusFiles files, string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("requests", out var requests)) return null;
        var schemaFile = root.GetProperty("schema").GetString()!;
        var schema = CedarSchema.Parse(files.Read(path, schemaFile), schemaFile);
        var entities =
            CedarEntities.ParseJson(files.ReadBytes(path, root.GetProperty("entities").GetString()!), schema);
        var list = requests.EnumerateArray().Select(r => CorpusRequest.Read(r, schema)).ToList();
        return new(schema, files.Read(path, root.GetProperty("policies").GetString()!), entities, list)
        {
            ShouldValidate = root.GetProperty("shouldValidate").GetBoolean(),
        };
    }
}

/// <summary>A request with the official answer.</summary>
internal sealed record CorpusRequest(
    string Description, CedarRequest Request, CedarDecision Decision, string[] Reasons, string[] Errors)
{
    public static CorpusRequest Read(JsonElement element, CedarSchema schema)
    {
        var action = Uid(element, "action");
        var context = element.TryGetProperty("context", out var given)
            ? CedarJson.ReadContext(given.GetRawText(), schema, action)
            : CedarRecord.Empty;
        return new(
            element.GetProperty("description").GetString()!,
            new(Uid(element, "principal"), action, Uid(element, "resource"), context),
            element.GetProperty("decision").GetString() == "allow" ? CedarDecision.Allow : CedarDecision.Deny,
            Ids(element, "reason"),
            Ids(element, "errors"));
    }

    /// <summary>What differs from our answer, or null.</summary>
    public string? Difference(CedarResponse response)
    {
        if (response.Decision != Decision) return $"decision {response.Decision}, expected {Decision}";
        var reasons = response.Reasons.Select(p => p.Id).Order(StringComparer.Ordinal).ToArray();
        if (!reasons.SequenceEqual(Reasons))
            return $"reasons [{string.Join(", ", reasons)}], expected [{string.Join(", ", Reasons)}]";
        var errors = response.Errors.Select(e => e.Policy.Id).Order(StringComparer.Ordinal).ToArray();
        if (errors.SequenceEqual(Errors)) return null;
        return $"errors [{string.Join("; ", response.Errors)}], expected [{string.Join(", ", Errors)}]";
    }

    private static EntityUid Uid(JsonElement element, string name) =>
        CedarJson.ReadUid(System.Text.Encoding.UTF8.GetBytes(element.GetProperty(name).GetRawText()));

    private static string[] Ids(JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(e => e.GetString()!).Order(StringComparer.Ordinal)];
}
