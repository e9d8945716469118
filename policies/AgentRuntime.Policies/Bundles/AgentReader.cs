using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads the agents of <c>agents.yaml</c> and <c>agents/*.yaml</c>. Stateless.</summary>
internal static class AgentReader
{
    public const int MaxAgents = 2_000;
    public const int MaxGrants = 50_000;

    public static IReadOnlyList<AgentDefinition> Read(
        IEnumerable<KeyValuePair<string, string>> files,
        BundleDefinition bundle,
        PolicyOptions options,
        Problems problems,
        CancellationToken cancellationToken)
    {
        var agents = new Dictionary<string, AgentDefinition>(StringComparer.Ordinal);
        var grants = 0;
        foreach (var (path, text) in files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (YamlSection.Of(YamlReader.Read(path, text, problems), problems, "the file") is not { } root)
                continue;
            var section = root.Section("agents");
            root.Close();
            foreach (var entry in section?.Entries ?? [])
            {
                // What a few lines with aliases describe can be far more than is ever used or shown.
                if (agents.Count > MaxAgents || grants > MaxGrants || problems.AreTooMany)
                    break;
                var name = entry.Key.Text;
                if (!Names.IsQualified(name))
                {
                    problems.Add(
                        entry.Key.Position,
                        $"'{name}' is not a name for an agent",
                        $"it takes 'project/agent', each of {Names.LabelForm}");
                    continue;
                }

                if (agents.TryGetValue(name, out var other))
                    problems.Add(
                        entry.Key.Position,
                        $"the agent '{name}' is already described at {other.Position}",
                        "remove one of them");
                else if (ReadAgent(name, entry, bundle, options, problems) is { } agent)
                {
                    agents.Add(name, agent);
                    grants += agent.Grants.Count + agent.Models.Count + agent.Memory.Count;
                }
            }
        }

        if (agents.Count > MaxAgents)
            problems.Add(
                default, $"the bundle describes more than {MaxAgents} agents", $"at most {MaxAgents} are read");
        if (grants > MaxGrants)
        {
            problems.Add(default, $"the bundle grants more than {MaxGrants} times", $"at most {MaxGrants} are read");
            return [];
        }

        return agents.Values.OrderBy(a => a.Name, StringComparer.Ordinal).ToList();
    }

    private static AgentDefinition? ReadAgent(
        string name, YamlEntry entry, BundleDefinition bundle, PolicyOptions options, Problems problems)
    {
        if (YamlSection.Of(entry.Value, problems, $"the agent '{name}'") is not { } section)
            return null;
        var description = section.Text("description", 2_000);
        var (model, models) = ReadModels(section, bundle, problems);
        var maxOutput = section.Integer("max_output_tokens", 256, 1, 1_000_000);
        var limits = ReadLimits(section.Section("limits"), options.MemoryCeiling, problems);
        var budget = ReadBudget(section.Section("budget"), bundle.Quota, problems);
        if (maxOutput > budget.MaxTokens.Value)
        {
            problems.Add(
                section.Find("max_output_tokens")?.Position ?? section.Position,
                $"one answer of {maxOutput} tokens is more than the run's budget of {budget.MaxTokens}",
                "lower max_output_tokens, or raise budget.tokens");
        }

        var input = BundleReader.ReadLabels(section.Section("input"), problems);
        var slo = SloReader.Choose(section, "slo", bundle.SloClasses, bundle.FirstPriority, problems);
        var egress = EgressReader.Read(section.Find("egress"), problems);
        var grants = GrantReader.Read(section, bundle, problems);
        var memory = MemoryGrantReader.Read(section, bundle, problems);
        section.Close();
        var policy = new AgentPolicy(name, limits, budget)
        {
            DefaultModel = model, DefaultMaxOutputTokens = maxOutput, Slo = slo, Egress = egress,
        };
        return new(name, description, policy, models, grants, entry.Key.Position)
        {
            Input = input,
            Memory = memory,
        };
    }

    private static (string? Default, IReadOnlyList<string> All) ReadModels(
        YamlSection agent, BundleDefinition bundle, Problems problems)
    {
        var all = new List<string>();
        var model = agent.Text("model", 128);
        if (model is not null)
            Take(agent.Find("model")!, model);
        foreach (var node in agent.List("models"))
            Take(node, node is YamlScalar { IsNull: false } scalar ? scalar.Text : null);
        return (model, all);

        void Take(YamlNode node, string? name)
        {
            if (name is null)
                problems.Add(node.Position, $"a model's name is expected, not {node.Kind}");
            else if (bundle.FindModel(name) is null)
                problems.Add(
                    node.Position,
                    $"no model '{name}' is in {BundleFiles.Main}",
                    problems.Suggest(name, bundle.Models.Select(m => m.Name)) ?? "add it under 'models'");
            else if (!all.Contains(name))
                all.Add(name);
        }
    }

    private static SandboxLimits ReadLimits(YamlSection? section, ByteCount ceiling, Problems problems)
    {
        var defaults = Least(new SandboxLimits(), ceiling);
        if (section is null)
            return defaults;
        var limits = defaults with
        {
            MaxMemory = section.Size("memory", defaults.MaxMemory, new(64 << 10), SandboxLimits.MostMemory),
            MaxCpuTime = section.Duration(
                "cpu_time", defaults.MaxCpuTime, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1)),
            MaxCallDepth = section.Integer("call_depth", defaults.MaxCallDepth, 1, 100_000),
            MaxTableElements = section.Integer("table_elements", defaults.MaxTableElements, 1, 10_000_000),
            MaxHostCalls = section.Integer("host_calls", defaults.MaxHostCalls, 1, 10_000_000),
            MaxLogBytes = section.Size("log", defaults.MaxLogBytes, new(0), ByteCount.FromMebibytes(64)),
            MaxStringBytes = section.Size("string", defaults.MaxStringBytes, new(1 << 10), ByteCount.FromMebibytes(64)),
            Fuel = section.Has("fuel") ? section.Long("fuel", 0, 1, long.MaxValue) : null,
        };
        if (limits.MaxMemory.CompareTo(ceiling) > 0)
        {
            problems.Add(
                section.Find("memory")?.Position ?? section.Position,
                "'memory' is above what the platform grants a guest",
                $"at most {ceiling}");
        }

        section.Close();
        return limits;
    }

    /// <summary>What both grant.</summary>
    public static SandboxLimits Least(SandboxLimits limits, ByteCount memory) =>
        limits.MaxMemory.CompareTo(memory) <= 0 ? limits : limits with { MaxMemory = memory };

    private static RunBudget ReadBudget(YamlSection? section, QuotaLimits quota, Problems problems)
    {
        var defaults = new RunBudget();
        if (section is null)
            return defaults;
        var budget = new RunBudget
        {
            MaxTokens = new(section.Long("tokens", defaults.MaxTokens.Value, 0, 1_000_000_000_000)),
            MaxCost = section.Usd("cost_usd", defaults.MaxCost),
            Deadline = section.Duration("deadline", defaults.Deadline, TimeSpan.FromSeconds(1), TimeSpan.FromDays(30)),
            MaxInput = section.Size("input", defaults.MaxInput, new(0), new(WireBounds.RunInputBytes)),
        };
        if (budget.MaxCost.CompareTo(quota.CostPerDay) > 0)
        {
            problems.Add(
                section.Find("cost_usd")?.Position ?? section.Position,
                $"a run's budget of {budget.MaxCost} is above the tenant's {quota.CostPerDay} a day",
                "lower budget.cost_usd, or raise quota.cost_per_day_usd");
        }

        section.Close();
        return budget;
    }
}
