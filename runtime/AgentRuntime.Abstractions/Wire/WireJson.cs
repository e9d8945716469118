using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// Source-generated JSON of everything that clients read or send: snake_case, nulls left out, numbers as numbers.
/// Thread-safe.
/// </summary>
[JsonSourceGenerationOptions(
    MaxDepth = WireJson.MostLevels,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowOutOfOrderMetadataProperties = true,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RunEventData))]
[JsonSerializable(typeof(RunEventResource))]
[JsonSerializable(typeof(RunEventList))]
[JsonSerializable(typeof(RunResource))]
[JsonSerializable(typeof(RunList))]
[JsonSerializable(typeof(StartRunBody))]
[JsonSerializable(typeof(ApprovalList))]
[JsonSerializable(typeof(ApprovalBody))]
[JsonSerializable(typeof(ServiceLevelList))]
[JsonSerializable(typeof(AgentResource))]
[JsonSerializable(typeof(AgentList))]
[JsonSerializable(typeof(StorageResource))]
[JsonSerializable(typeof(ProblemResource))]
[JsonSerializable(typeof(PolicyBundleBody))]
[JsonSerializable(typeof(PolicyBundleResource))]
[JsonSerializable(typeof(PolicyStatusResource))]
[JsonSerializable(typeof(BundleVersionList))]
[JsonSerializable(typeof(PolicyRollbackBody))]
[JsonSerializable(typeof(PolicyTestResource))]
[JsonSerializable(typeof(PolicyPlanResource))]
[JsonSerializable(typeof(PolicyExplainBody))]
[JsonSerializable(typeof(PolicyExplanationResource))]
[JsonSerializable(typeof(PolicySimulateBody))]
[JsonSerializable(typeof(PolicySimulationResource))]
[JsonSerializable(typeof(PolicyAuditBody))]
[JsonSerializable(typeof(PolicyAuditResource))]
[JsonSerializable(typeof(DecisionList))]
[JsonSerializable(typeof(ThreatList))]
[JsonSerializable(typeof(AuditData))]
public sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>
    /// How deep what is written and read may be: what callers give has 64 levels at most (System.Text.Json's own bound
    /// for reading), and lies some levels down in what is kept about it.
    /// </summary>
    public const int MostLevels = 128;
}
