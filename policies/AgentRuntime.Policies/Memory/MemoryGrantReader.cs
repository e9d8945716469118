using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads an agent's <c>memory</c>: names of buckets, or mappings with access and keys. Stateless.</summary>
internal static class MemoryGrantReader
{
    private static readonly (string Word, MemoryAccess Access)[] Accesses =
    [
        ("read", MemoryAccess.Read), ("write", MemoryAccess.Write),
        ("read_write", MemoryAccess.Read | MemoryAccess.Write),
    ];

    public static IReadOnlyList<MemoryGrant> Read(YamlSection agent, BundleDefinition bundle, Problems problems)
    {
        var nodes = agent.List("memory");
        if (nodes.Count > GrantReader.MaxGrants)
        {
            problems.Add(agent.Position, $"{nodes.Count} grants", $"at most {GrantReader.MaxGrants} are read");
            return [];
        }

        var grants = new List<MemoryGrant>();
        foreach (var node in nodes)
        {
            if (ReadGrant(node, bundle, problems) is not { } grant)
                continue;
            if (grants.Find(g => g.Covers(grant) || grant.Covers(g)) is { } other)
            {
                problems.Add(
                    grant.Position,
                    $"the memory '{grant.Bucket}' is already granted at {other.Position}, and one grant covers the "
                        + "other",
                    "remove one of them");
            }

            grants.Add(grant);
        }

        return grants;
    }

    private static MemoryGrant? ReadGrant(YamlNode node, BundleDefinition bundle, Problems problems)
    {
        if (node is YamlScalar name)
            return IsKnown(name, bundle, problems)
                ? new(name.Text, MemoryAccess.Read | MemoryAccess.Write, null, node.Position)
                : null;
        if (YamlSection.Of(node, problems, "a grant of memory") is not { } section)
            return null;
        var bucket = section.RequiredText("bucket");
        var known = bucket is not null
            && section.Find("bucket") is YamlScalar scalar
            && IsKnown(scalar, bundle, problems);
        var access = ReadAccess(section, problems);
        var keys = ReadKeys(section, problems);
        section.Close();
        return known && access is { } granted ? new(bucket!, granted, keys, section.Position) : null;
    }

    private static MemoryAccess? ReadAccess(YamlSection grant, Problems problems)
    {
        var word = grant.Has("access") ? grant.Text("access") : "read_write";
        foreach (var (known, access) in Accesses)
        {
            if (known == word)
                return access;
        }

        if (word is not null)
            problems.Add(
                grant.Find("access")!.Position,
                $"'{word}' is no access to memory",
                problems.Suggest(word, Accesses.Select(a => a.Word)));
        return null;
    }

    // A prefix that no key can have is a mistake, and so is one that every key has: listing would need another grant.
    private static string? ReadKeys(YamlSection grant, Problems problems)
    {
        if (grant.Text("keys") is not { } prefix)
            return null;
        if (prefix.Length == 0)
            problems.Add(grant.Find("keys")!.Position, "'keys' is empty", "leave it out to grant all keys");
        else if (Encoding.UTF8.GetByteCount(prefix) > MemoryBucket.MaxKeyBytes)
            problems.Add(
                grant.Find("keys")!.Position,
                "no key begins like that",
                $"keys have at most {MemoryBucket.MaxKeyBytes} bytes");
        return prefix;
    }

    private static bool IsKnown(YamlScalar name, BundleDefinition bundle, Problems problems)
    {
        if (bundle.FindMemory(name.Text) is not null)
            return true;
        problems.Add(
            name.Position,
            $"no memory '{name.Text}' is in {BundleFiles.Main}",
            problems.Suggest(name.Text, bundle.Memory.Select(m => m.Name)) ?? "add it under 'memory'");
        return false;
    }
}
