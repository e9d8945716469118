using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>Buckets and grants as authors write them, and every mistake that can be made in them.</summary>
public sealed class MemoryReaderTests
{
    [Fact]
    public void Buckets_reach_the_tenants_policy_with_their_limits_and_the_usual_ones()
    {
        var memory = Sample.Snapshot(MemorySample.Bundle()).Tenant.Memory;

        Assert.Equal(
            [
                new("notes")
                {
                    MaxBytes = ByteCount.FromMebibytes(2), MaxKeys = 10, MaxValueBytes = new(1 << 10),
                },
                new("catalogue"),
                new MemoryBucket("private"),
            ],
            memory);
        Assert.Empty(Sample.Snapshot(Sample.Bundle()).Tenant.Memory);
    }

    [Fact]
    public void A_bucket_smaller_than_the_usual_value_holds_smaller_values()
    {
        var main = Sample.Main + "\nmemory: {notes: {max_bytes: 1KiB}}";

        var bucket = Assert.Single(Sample.Snapshot(Sample.Bundle(("bundle.yaml", main))).Tenant.Memory);

        Assert.Equal(new(1 << 10), bucket.MaxValueBytes);
    }

    [Theory]
    [InlineData("max_bytes: 2MiB", "max_bytes: 1023B", "'max_bytes' must be a size from 1024 bytes")]
    [InlineData("max_bytes: 2MiB", "max_bytes: 2GiB", "to 1073741824 bytes")]
    [InlineData("max_bytes: 2MiB", "max_bytes: 2", "'max_bytes' must be a size")]
    [InlineData("max_keys: 10", "max_keys: 0", "'max_keys' must be a whole number from 1 to 100000")]
    [InlineData("max_keys: 10", "max_keys: 100_001", "'max_keys' must be a whole number from 1 to 100000")]
    [InlineData("max_value: 1KiB", "max_value: 0B", "'max_value' must be a size from 1 bytes to 1048576 bytes")]
    [InlineData("max_value: 1KiB", "max_value: 2MiB", "'max_value' must be a size")]
    [InlineData(
        "max_bytes: 2MiB, max_keys: 10, max_value: 1KiB",
        "max_bytes: 1KiB, max_value: 1025B",
        "a value of 1025 bytes is more than the whole bucket's 1024 bytes [bundle.yaml:10:39] lower max_value")]
    [InlineData("max_keys: 10", "keys: 10", "the bucket 'notes' has no 'keys'")]
    [InlineData("notes: {", "No_tes: {", "'No_tes' is not a name for a bucket")]
    [InlineData("  catalogue:", "  catalogue: 5", "the bucket 'catalogue' must be a mapping")]
    [InlineData("  catalogue:", "  notes:", "'notes' is given twice")]
    [InlineData("confidentiality: user", "confidentiality: usr", "'usr' is no confidentiality")]
    public void A_mistake_in_a_bucket_is_named(string from, string to, string expected)
    {
        var main = Sample.Main + MemorySample.Buckets;
        Assert.Contains(from, main, StringComparison.Ordinal);

        var problems = Sample.Problems(
            MemorySample.Bundle(("bundle.yaml", main.Replace(from, to, StringComparison.Ordinal))));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("notess", "no memory 'notess' is in bundle.yaml [agents.yaml:17:9] did you mean 'notes'?")]
    [InlineData("{bucket: zzzzzzzzzz}", "no memory 'zzzzzzzzzz' is in bundle.yaml [agents.yaml:17:18] known: notes,")]
    [InlineData("{access: read}", "a grant of memory lacks 'bucket'")]
    [InlineData("{bucket: private, acess: read}", "a grant of memory has no 'acess' [agents.yaml:17:27] did you mean")]
    [InlineData(
        "{bucket: private, access: reed}", "'reed' is no access to memory [agents.yaml:17:35] did you mean 'read'")]
    [InlineData("{bucket: private, access: [read]}", "'access' must be text")]
    [InlineData("{bucket: private, keys: \"\"}", "'keys' is empty [agents.yaml:17:33] leave it out")]
    [InlineData("[private]", "a grant of memory must be a mapping, not")]
    [InlineData("notes", "the memory 'notes' is already granted at agents.yaml:16:9")]
    [InlineData("{bucket: notes, access: read}", "the memory 'notes' is already granted")]
    [InlineData("{bucket: notes, keys: a}", "the memory 'notes' is already granted")]
    [InlineData("{bucket: catalogue, access: read}", "the memory 'catalogue' is already granted at agents.yaml:17:9")]
    [InlineData("{bucket: catalogue, keys: orders/}", "one grant covers the other")]
    public void A_mistake_in_a_grant_is_named(string grant, string expected)
    {
        Assert.Contains(
            expected, Assert.Single(Sample.Problems(MemorySample.With(grant))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_is_no_longer_than_a_key()
    {
        Assert.Empty(Sample.Problems(MemorySample.With($"{{bucket: private, keys: {new string('k', 256)}}}")));

        var problem = Assert.Single(
            Sample.Problems(MemorySample.With($"{{bucket: private, keys: {new string('\u00e9', 129)}}}")));

        Assert.Contains("no key begins like that", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{bucket: catalogue, access: write}")]
    [InlineData("{bucket: catalogue, access: read, keys: items/}")]
    [InlineData("{bucket: catalogue, access: write, keys: orders/}")]
    public void Grants_of_one_bucket_that_add_something_add_up(string grant)
    {
        Assert.Empty(Sample.Problems(MemorySample.With(grant)));
    }

    [Fact]
    public void Without_buckets_there_is_none_to_grant()
    {
        var problems = Sample.Problems(MemorySample.Bundle(("bundle.yaml", Sample.Main)));

        Assert.Contains(
            "AR2007: no memory 'notes' is in bundle.yaml [agents.yaml:16:9] add it under 'memory'", problems);
    }

    [Fact]
    public void Too_many_buckets_or_grants_are_refused()
    {
        var buckets = string.Join('\n', Enumerable.Range(0, 101).Select(i => $"  b{i}:"));
        var grants = string.Join(
            '\n', Enumerable.Range(0, 501).Select(i => $"      - {{bucket: private, keys: k{i}/}}"));

        Assert.Contains(
            Sample.Problems(Sample.Bundle(("bundle.yaml", $"{Sample.Main}\nmemory:\n{buckets}"))),
            p => p.Contains("101 buckets", StringComparison.Ordinal));
        Assert.Contains(
            Sample.Problems(MemorySample.Bundle((
                "agents.yaml", MemorySample.Agents($"    memory:\n{grants}\n  demo/idle:")))),
            p => p.Contains("501 grants", StringComparison.Ordinal));
    }

    [Fact]
    public void A_grant_becomes_one_permit_for_each_action()
    {
        var text = BundleInspection.RenderPolicies(
            MemorySample.With("{bucket: catalogue, access: read, keys: \"items/\"}"));

        Assert.Contains(
            """
            @id("memory:demo/clerk:notes:write")
            @source("agents.yaml:16:9")
            permit (
              principal == AgentRuntime::Agent::"demo/clerk",
              action == AgentRuntime::Action::"write_memory",
              resource == AgentRuntime::Memory::"notes"
            );
            """,
            text,
            StringComparison.Ordinal);
        Assert.Contains("@id(\"memory:demo/clerk:catalogue:read#2\")", text, StringComparison.Ordinal);
        Assert.Contains(
            """when { context.input has key && context.input.key like "orders/\**" };""",
            text,
            StringComparison.Ordinal);
        Assert.DoesNotContain("catalogue:write", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_schema_has_memory_only_where_there_is_some()
    {
        Assert.Contains(
            "action \"write_memory\" appliesTo",
            BundleInspection.RenderSchema(MemorySample.Bundle()),
            StringComparison.Ordinal);
        Assert.DoesNotContain("emory", BundleInspection.RenderSchema(Sample.Bundle()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("@id(\"memory:x\") permit (principal, action, resource);", "kept for policies that come from YAML")]
    [InlineData(
        "forbid (principal, action == AgentRuntime::Action::\"write_memory\", resource) "
            + "when { context.input.kee == \"a\" };",
        "[policies/mine.cedar:1:")]
    [InlineData(
        "forbid (principal, action == AgentRuntime::Action::\"read_memory\", resource) "
            + "when { context.input.key == \"a\" };",
        "[policies/mine.cedar:1:")]
    [InlineData(
        "@id(\"shut\") forbid (principal, action == AgentRuntime::Action::\"write_memory\", resource);",
        "the grant of the memory 'notes' to write never allows anything: the policy 'shut' forbids it in every case")]
    public void A_policy_by_hand_is_validated_against_memory(string text, string expected)
    {
        Assert.Contains(
            Sample.Problems(MemorySample.WithPolicy(text)), p => p.Contains(expected, StringComparison.Ordinal));
    }
}
