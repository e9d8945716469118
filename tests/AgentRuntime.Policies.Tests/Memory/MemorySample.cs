using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>The sample bundle with memory, and calls of it.</summary>
internal static class MemorySample
{
    public const string Buckets = """

        memory:
          notes: {max_bytes: 2MiB, max_keys: 10, max_value: 1KiB}
          catalogue:
          private: {contents: {trusted: true, confidentiality: user}}
        """;

    public const string Grants = """
            memory:
              - notes
              - bucket: catalogue
                access: read
                keys: "orders/*"
          demo/idle:
        """;

    public static Dictionary<string, string> Bundle(params (string Path, string? Text)[] changes) =>
        Sample.Bundle(
            [("bundle.yaml", Sample.Main + Buckets), ("agents.yaml", Agents(Grants)), .. changes]);

    /// <summary>The sample's agents, the first with these grants in place of none.</summary>
    public static string Agents(string grants) =>
        Sample.Agents.Replace("  demo/idle:", grants, StringComparison.Ordinal);

    /// <summary>The bundle with one more entry in the first agent's list.</summary>
    public static Dictionary<string, string> With(string grant) =>
        Bundle((
            "agents.yaml",
            Agents(Grants.Replace("- notes", $"- notes\n      - {grant}", StringComparison.Ordinal))));

    /// <summary>The bundle with a policy by hand.</summary>
    public static Dictionary<string, string> WithPolicy(string text) => Bundle(("policies/mine.cedar", text));

    public static PolicyCall Read(string bucket, string? key = null) => Call(PolicyAction.ReadMemory, bucket, key);

    public static PolicyCall Write(string bucket, string key) => Call(PolicyAction.WriteMemory, bucket, key);

    private static PolicyCall Call(PolicyAction action, string bucket, string? key) =>
        Calls.Tool(bucket, key is null ? "{}" : $$"""{"key": {{JsonSerializer.Serialize(key)}}}""") with
        {
            Action = action,
        };
}
