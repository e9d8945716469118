using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads <c>memory</c> of <c>bundle.yaml</c>: the buckets that there are. Stateless.</summary>
internal static class MemoryReader
{
    public const int MaxBuckets = 100;

    private static readonly ByteCount LargestValue = ByteCount.FromMebibytes(1);

    public static IReadOnlyList<MemoryDefinition> Read(YamlSection? section, Problems problems)
    {
        if (section is null)
            return [];
        if (section.Entries.Count > MaxBuckets)
        {
            problems.Add(section.Position, $"{section.Entries.Count} buckets", $"at most {MaxBuckets} are read");
            return [];
        }

        var buckets = new List<MemoryDefinition>();
        foreach (var entry in section.Entries)
        {
            var name = entry.Key.Text;
            Names.Check(Names.IsLabel(name), name, "a bucket", Names.LabelForm, entry.Key.Position, problems);
            if (YamlSection.Of(entry.Value, problems, $"the bucket '{name}'") is not { } bucket)
                continue;
            buckets.Add(ReadBucket(name, bucket, entry.Key.Position, problems));
            bucket.Close();
        }

        return buckets;
    }

    private static MemoryDefinition ReadBucket(string name, YamlSection section, BundlePosition at, Problems problems)
    {
        var defaults = new MemoryBucket(name);
        var bytes = section.Size("max_bytes", defaults.MaxBytes, new(1 << 10), new(1L << 30));
        var least = defaults.MaxValueBytes.CompareTo(bytes) < 0 ? defaults.MaxValueBytes : bytes;
        var value = section.Size("max_value", least, new(1), LargestValue);
        if (value.CompareTo(bytes) > 0)
        {
            problems.Add(
                section.Find("max_value")!.Position,
                $"a value of {value} is more than the whole bucket's {bytes}",
                "lower max_value, or raise max_bytes");
        }

        var bucket = defaults with
        {
            MaxBytes = bytes,
            MaxKeys = section.Integer("max_keys", defaults.MaxKeys, 1, 100_000),
            MaxValueBytes = value,
        };
        return new(bucket, at) { Contents = BundleReader.ReadLabels(section.Section("contents"), problems) };
    }
}
