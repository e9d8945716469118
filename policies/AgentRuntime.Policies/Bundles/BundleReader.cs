using System.Net;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads a bundle's YAML and JSON and checks that the parts fit each other. Stateless.</summary>
internal static class BundleReader
{
    public const int MaxServers = 64;
    public const int MaxModels = 64;

    /// <summary>What could be read; whether it may be used is for <paramref name="problems"/> to say.</summary>
    public static BundleDefinition Read(
        BundleFiles files, PolicyOptions options, Problems problems, CancellationToken cancellationToken)
    {
        var root = files.MainText is { } text ? YamlReader.Read(BundleFiles.Main, text, problems) : null;
        var main = YamlSection.Of(root, problems, "the bundle");
        var name = main?.RequiredText("name", 63) ?? "";
        if (main is not null && name.Length > 0)
            Names.Check(Names.IsLabel(name), name, "a bundle", Names.LabelForm, main.Position, problems);
        var quota = ReadQuota(main?.Section("quota"), options.QuotaCeiling, problems);
        var models = ReadModels(main?.Section("models"), problems);
        var servers = ReadServers(main?.Section("servers"), problems);
        var classes = SloReader.ReadClasses(main?.Section("slo_classes"), options.FirstPriority, problems);
        var clientSlo = main is null
            ? null
            : SloReader.Choose(main, "client_slo", classes, options.FirstPriority, problems);
        var egress = EgressReader.Read(main?.Find("egress"), problems);
        var threats = ThreatReader.Read(main?.Section("threats"), problems);
        var memory = MemoryReader.Read(main?.Section("memory"), problems);
        main?.Close();

        var tools = ToolPinReader.Read(files.Tools, servers, problems);
        var draft = new BundleDefinition(name, quota, models, servers, tools, [])
        {
            HonoursObligations = options.HonoursObligations,
            SloClasses = classes,
            FirstPriority = options.FirstPriority,
            ClientSlo = clientSlo,
            Egress = egress,
            Threats = threats,
            Memory = memory,
        };
        var bundle = draft with
        {
            Agents = AgentReader.Read(files.Agents, draft, options, problems, cancellationToken),
        };
        EgressReader.CheckServers(bundle, problems);
        ThreatReader.CheckNames(bundle, problems);
        return bundle;
    }

    private static QuotaLimits ReadQuota(YamlSection? section, QuotaLimits? ceiling, Problems problems)
    {
        var defaults = Least(new QuotaLimits(), ceiling);
        if (section is null)
            return defaults;
        var quota = new QuotaLimits
        {
            RequestsPerMinute = section.Integer("requests_per_minute", defaults.RequestsPerMinute, 0, 10_000_000),
            TokensPerMinute = new(section.Long(
                "tokens_per_minute", defaults.TokensPerMinute.Value, 0, 1_000_000_000_000)),
            CostPerDay = section.Usd("cost_per_day_usd", defaults.CostPerDay),
            ConcurrentRuns = section.Integer("concurrent_runs", defaults.ConcurrentRuns, 0, 1_000_000),
        };
        section.Close();
        if (ceiling is null)
            return quota;

        Cap("requests_per_minute", quota.RequestsPerMinute, ceiling.RequestsPerMinute);
        Cap("tokens_per_minute", quota.TokensPerMinute.Value, ceiling.TokensPerMinute.Value);
        Cap("cost_per_day_usd", quota.CostPerDay.Value, ceiling.CostPerDay.Value);
        Cap("concurrent_runs", quota.ConcurrentRuns, ceiling.ConcurrentRuns);
        return quota;

        void Cap(string key, long value, long most)
        {
            if (value > most)
            {
                var shown = key == "cost_per_day_usd" ? new MicroUsd(most).ToString() : most.ToString(Invariant);
                problems.Add(
                    section.Find(key)?.Position ?? section.Position,
                    $"'{key}' is above what the platform grants",
                    $"at most {shown}");
            }
        }
    }

    /// <summary>What both grant.</summary>
    public static QuotaLimits Least(QuotaLimits quota, QuotaLimits? ceiling) =>
        ceiling is null
            ? quota
            : new()
            {
                RequestsPerMinute = Math.Min(quota.RequestsPerMinute, ceiling.RequestsPerMinute),
                TokensPerMinute = new(Math.Min(quota.TokensPerMinute.Value, ceiling.TokensPerMinute.Value)),
                CostPerDay = new(Math.Min(quota.CostPerDay.Value, ceiling.CostPerDay.Value)),
                ConcurrentRuns = Math.Min(quota.ConcurrentRuns, ceiling.ConcurrentRuns),
            };

    private static List<ModelDefinition> ReadModels(YamlSection? section, Problems problems)
    {
        var models = new List<ModelDefinition>();
        foreach (var entry in Bounded(section, MaxModels, "models", problems))
        {
            var name = entry.Key.Text;
            Names.Check(
                Names.IsModel(name),
                name,
                "a model",
                "printable ASCII without spaces and quotes",
                entry.Key.Position,
                problems);
            if (YamlSection.Of(entry.Value, problems, $"the model '{name}'") is not { } model)
                continue;
            var (all, projects) = ReadDirect(model.Find("direct"), problems);
            model.Close();
            models.Add(new(name, all, projects, entry.Key.Position));
        }

        return models;
    }

    private static (bool All, IReadOnlyList<string> Projects) ReadDirect(YamlNode? node, Problems problems)
    {
        switch (node)
        {
            case null or YamlScalar { Plain: true, Text: "false" }:
                return (false, []);
            case YamlScalar { Plain: true, Text: "true" }:
                return (true, []);
            case YamlSequence list when list.Items.All(i => i is YamlScalar s && Names.IsLabel(s.Text)):
                return (
                    false, list.Items.Cast<YamlScalar>().Select(s => s.Text).Distinct(StringComparer.Ordinal).ToList());
            default:
                problems.Add(node.Position, $"'direct' must be true, false or a list of projects, not {node.Kind}");
                return (false, []);
        }
    }

    private static List<ServerDefinition> ReadServers(YamlSection? section, Problems problems)
    {
        var servers = new List<ServerDefinition>();
        foreach (var entry in Bounded(section, MaxServers, "servers", problems))
        {
            var name = entry.Key.Text;
            Names.Check(Names.IsLabel(name), name, "a tool server", Names.LabelForm, entry.Key.Position, problems);
            if (YamlSection.Of(entry.Value, problems, $"the server '{name}'") is not { } server)
                continue;
            var endpoint = ReadEndpoint(server, problems);
            var timeout = server.Duration(
                "timeout", TimeSpan.FromSeconds(30), TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(10));
            var results = ReadLabels(server.Section("results"), problems);
            server.Close();
            if (endpoint is not null)
                servers.Add(new(name, endpoint, timeout, entry.Key.Position) { Results = results });
        }

        return servers;
    }

    /// <summary>Labels of data: untrusted and for the tenant unless the bundle says otherwise.</summary>
    public static DataLabels ReadLabels(YamlSection? section, Problems problems, DataLabels? otherwise = null)
    {
        var labels = otherwise ?? DataLabels.Default;
        if (section is null)
            return labels;
        var trusted = section.Flag("trusted") ?? labels.Trusted;
        if (section.Text("confidentiality") is { } level)
        {
            var number = Array.IndexOf(ConfidentialityNames.All, level);
            if (number < 0)
                problems.Add(
                    section.Find("confidentiality")!.Position,
                    $"'{level}' is no confidentiality",
                    problems.Suggest(level, ConfidentialityNames.All));
            else
                labels = labels with { Confidentiality = (Confidentiality)(number + 1) };
        }

        section.Close();
        return labels with { Trusted = trusted };
    }

    private static Uri? ReadEndpoint(YamlSection server, Problems problems)
    {
        if (server.RequiredText("url", 2_000) is not { } text)
            return null;
        var at = server.Find("url")!.Position;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https" or "wasm"))
            problems.Add(at, $"'{text}' is not an address", "an absolute http or https address, or wasm:SHA256");
        else if (uri.Scheme == "wasm")
            return ReadModule(text, uri, at, problems);
        else if (uri.UserInfo.Length > 0)
            problems.Add(at, "the address holds a credential", "a bundle holds no secrets; give it to the platform");
        else if (IPAddress.TryParse(uri.IdnHost, out var ip) && EgressRules.IsClosed(ip))
            problems.Add(at, "the address is link-local or a cloud's", "metadata services live there, not tools");
        else if (!EndpointHost.IsPlain(uri))
            problems.Add(at, $"'{text}' writes its host in another way than usual", EndpointHost.Form);
        else
            return uri;
        return null;
    }

    /// <summary>A tool that is a module: 64 hex digits name it.</summary>
    private static Uri? ReadModule(string text, Uri uri, BundlePosition at, Problems problems)
    {
        if (text.Length == 69 && text[5..].All(char.IsAsciiHexDigitLower)) return uri;
        problems.Add(at, $"'{text}' names no module", "wasm: and the module's SHA-256 in 64 lower-case hex digits");
        return null;
    }

    private static IReadOnlyList<YamlEntry> Bounded(YamlSection? section, int most, string what, Problems problems)
    {
        if (section is null)
            return [];
        if (section.Entries.Count <= most)
            return section.Entries;
        problems.Add(section.Position, $"{section.Entries.Count} {what}", $"at most {most} are read");
        return [];
    }

    private static readonly System.Globalization.CultureInfo Invariant =
        System.Globalization.CultureInfo.InvariantCulture;
}
