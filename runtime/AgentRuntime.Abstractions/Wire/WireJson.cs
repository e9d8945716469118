using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// Source-generated JSON of everything that clients read or send: snake_case, nulls left out, numbers as numbers.
/// Thread-safe.
/// </summary>
[JsonSourceGenerationOptions(
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
public sealed partial class WireJson : JsonSerializerContext;
