using System.Collections.Frozen;

namespace AgentRuntime.Policies;

/// <summary>Reads, checks and compiles a bundle as one. Stateless.</summary>
internal static class BundleCompiler
{
    /// <summary>The bundle; null when anything at all is wrong with it, which is then among the problems.</summary>
    public static CompiledBundle? Compile(
        IReadOnlyDictionary<string, string> files,
        PolicyOptions options,
        Problems problems,
        CancellationToken cancellationToken = default)
    {
        if (BundleFiles.Check(files, problems) is not { } sorted)
            return null;
        var definition = BundleReader.Read(sorted, options, problems, cancellationToken);
        var generated = GrantPolicies.Write(definition, problems);
        var policies = PolicyReader.Read(sorted.Policies, generated, problems, cancellationToken);
        var schema = CedarSchemaWriter.Write(
            definition.Servers, definition.Tools, definition.Memory.Count > 0);
        PolicyValidator.Validate(schema, policies, generated, problems, cancellationToken);
        var tests = PolicyTestReader.Read(sorted.Tests, problems, cancellationToken);
        if (problems.Any)
            return null;

        var bundle = new CompiledBundle
        {
            Digest = BundleFiles.Digest(files),
            Definition = definition,
            Schema = schema,
            Generated = generated,
            Policies = policies,
            Tests = tests,
            Entities = EntityNames.Store(definition),
            Agents = definition.Agents.ToFrozenDictionary(a => a.Name, StringComparer.Ordinal),
            Tools = definition.Tools.ToFrozenDictionary(
                t => t.Name,
                t => new ToolEntry(
                    t,
                    EntityNames.Action(t.Name),
                    EntityNames.ToolServer(t.Server),
                    definition.Servers.First(s => s.Name == t.Server).Results),
                StringComparer.Ordinal),
            Models = definition.Models.ToFrozenDictionary(
                m => m.Name, m => EntityNames.Model(m.Name), StringComparer.Ordinal),
            Memory = definition.Memory.ToFrozenDictionary(
                m => m.Name, m => new MemoryEntry(m, EntityNames.Memory(m.Name)), StringComparer.Ordinal),
        };

        // Only what is valid otherwise can be evaluated.
        ReachValidator.Validate(bundle, problems, cancellationToken);
        return problems.Any ? null : bundle;
    }
}
