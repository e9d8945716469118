using System.Text.Json;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Conformance.Cedar;

/// <summary>
/// The reference validator's verdicts on a test: policies in both modes with their messages, entities, requests.
/// </summary>
internal sealed class OfficialVerdicts
{
    private readonly JsonElement _root;

    private OfficialVerdicts(JsonElement root) => _root = root;

    public static OfficialVerdicts Read(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return new(document.RootElement.Clone());
    }

    /// <summary>Each check with what differs, null when nothing does.</summary>
    public IEnumerable<(string Check, string? Difference)> Compare(CorpusTest test, CedarPolicySet policies)
    {
        var validation = _root.GetProperty("policyValidation");
        foreach (var mode in new[] { CedarValidationMode.Strict, CedarValidationMode.Permissive })
        {
            var name = mode == CedarValidationMode.Strict ? "strict" : "permissive";
            var result = CedarValidator.Validate(test.Schema, policies, mode);
            var expected = validation.GetProperty(name).GetBoolean();
            yield return ($"{name} validation", Difference(result, expected, validation, $"{name}Errors"));
        }

        foreach (var (uid, official) in Entities())
        {
            var entity = test.Entities.All.FirstOrDefault(e => $"{e.Uid.Type}::{e.Uid.Id}" == uid);
            if (entity is null) continue;
            var ours = CedarValidator.ValidateEntity(test.Schema, entity, test.Entities.AncestorsOf(entity.Uid));
            yield return ($"entity {uid}", ours is null == official ? null : $"expected {official}: {ours?.Message}");
        }

        var ordinal = 0;
        foreach (var element in _root.GetProperty("requestValidation").EnumerateArray())
        {
            var ours = CedarValidator.ValidateRequest(test.Schema, test.Requests[ordinal++].Request);
            var expected = element.GetProperty("strict").GetBoolean();
            yield return (
                $"validation of request {ordinal - 1}", ours is null == expected
                ? null : $"expected {expected}: {ours?.Message}");
        }
    }

    private IEnumerable<(string Uid, bool IsValid)> Entities()
    {
        foreach (var property in _root.GetProperty("entityValidation").GetProperty("perEntity").EnumerateObject())
        {
            var isValid = !property.Value.TryGetProperty("errors", out var errors) || errors.GetArrayLength() == 0;
            yield return (property.Name, isValid);
        }
    }

    // Messages are compared as sets: how often one is repeated depends on the number of environments that show it.
    private static string? Difference(CedarValidationResult result, bool expected, JsonElement validation, string field)
    {
        if (result.IsValid != expected) return $"expected {expected}: {string.Join("; ", result.Errors)}";
        var official = validation.TryGetProperty(field, out var list)
            ? list.EnumerateArray().Select(e => e.GetString()!).ToHashSet()
            : [];
        var ours = result.Errors
            .Select(e =>
                e.Code == CedarValidationCodes.IncompatibleTypes
                ? e.Message : $"for policy `{e.PolicyId}`, {e.Message}")
            .ToHashSet();
        if (ours.SetEquals(official)) return null;
        var extra = string.Join(" | ", ours.Except(official));
        var missing = string.Join(" | ", official.Except(ours));
        return $"messages: we alone say [{extra}], the reference alone says [{missing}]";
    }
}
