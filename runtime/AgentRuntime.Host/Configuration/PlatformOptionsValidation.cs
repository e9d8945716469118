using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Configuration;

/// <summary>Finds everything that is wrong with the options, so that one start is enough to hear of it all.</summary>
internal static class PlatformOptionsValidation
{
    /// <summary>The most money that anything is counted in, far below what a long number of millionths holds.</summary>
    private const decimal MostUsd = 1_000_000_000;

    /// <summary>16 TiB, more than a machine has.</summary>
    private const int MostTenantMemoryMib = 1 << 24;

    /// <param name="options">The options.</param>
    /// <param name="file">The file that they were read from; null for none.</param>
    /// <exception cref="RuntimeErrorException">AR8001 with one line for each problem.</exception>
    public static void ThrowIfInvalid(PlatformOptions options, string? file)
    {
        var problems = Problems(options).ToArray();
        if (problems.Length == 0) return;
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.InvalidConfiguration,
            string.Join("; ", problems),
            file,
            Action: "Correct every key that is listed; the README's Configuration section tells what they take."));
    }

    private static IEnumerable<string> Problems(PlatformOptions options)
    {
        if (!IsListenAddress(options.Listen))
        {
            yield return $"listen: '{options.Listen}' is not http://ADDRESS:PORT, where ADDRESS is an IP address of "
                + "this machine or localhost, and 0.0.0.0 or [::] for all";
        }

        if (string.IsNullOrWhiteSpace(options.State)) yield return "state: a folder is needed";
        if (options.PostgresVariable is { } variable
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable)))
            yield return $"postgres_variable: {variable} is not set";
        if (options.Workers is < 1 or > 1024) yield return "workers: 1 to 1024";
        if (options.ApprovalPatienceSeconds is < 0 or > 86_400) yield return "approval_patience_seconds: 0 to 86400";
        if (options.QuotaCeiling is { } c
            && (c.RequestsPerMinute < 0 || c.TokensPerMinute < 0 || c.CostPerDayUsd < 0 || c.ConcurrentRuns < 0))
            yield return "quota_ceiling: a limit cannot be negative";
        if (options.QuotaCeiling?.CostPerDayUsd > MostUsd)
            yield return $"quota_ceiling.cost_per_day_usd: at most {MostUsd}";
        if (options.QuotaCeiling?.FirstPriority is < 0 or > 3) yield return "quota_ceiling.first_priority: 0 to 3";
        foreach (var problem in OfStorage(options.Storage)) yield return problem;
        if (options.Disaggregation is not ("always" or "auto" or "never"))
            yield return $"disaggregation: '{options.Disaggregation}' is none of always, auto, never";
        foreach (var problem in OfSandbox(options.Sandbox)) yield return problem;
        foreach (var problem in OfNodes(options.Nodes)) yield return problem;
        if (options.Nodes.Count == 0 && options.Engines.Count == 0 && options.EnginesDns.Count == 0
            && options.EnginesFile is null && options.Registration is null)
            yield return "engines: with nodes.count 0 at least one engine, or a way for engines to join, is needed";
        foreach (var problem in options.Engines.Concat(options.EnginesDns).SelectMany(OfEngine)) yield return problem;
        if (options.EnginesFile is { } file && !File.Exists(file))
            yield return $"engines_file: there is no file '{file}'";
        if (options.Registration is { } registration)
        {
            if (registration.LeaseSeconds is < 3 or > 3600) yield return "registration.lease_seconds: 3 to 3600";
            if (string.IsNullOrWhiteSpace(registration.KeyFile)) yield return "registration.key_file: a file is needed";
        }

        foreach (var (model, keys) in options.Tokenization)
        {
            if (!ResourceName.IsModel(model)) yield return NoModel("tokenization", model);
            if (keys is not ("text" or "engine" or "vocabulary"))
                yield return $"tokenization.{model}: '{keys}' is none of text, engine, vocabulary";
            else if (keys == "vocabulary" && (options.Nodes.Count == 0 || model != options.Nodes.ModelName))
                yield return $"tokenization.{model}: only the bundled nodes' model has a vocabulary here";
        }

        foreach (var (model, price) in options.Prices)
        {
            if (!ResourceName.IsModel(model)) yield return NoModel("prices", model);
            if (price.PromptUsdPerMillion < 0 || price.CachedPromptUsdPerMillion < 0 || price.OutputUsdPerMillion < 0)
                yield return $"prices.{model}: a price cannot be negative";
            if (Math.Max(price.PromptUsdPerMillion, price.OutputUsdPerMillion) > MostUsd
                || price.CachedPromptUsdPerMillion > MostUsd)
                yield return $"prices.{model}: at most {MostUsd}";
        }

        foreach (var (name, url) in options.ToolEndpoints)
        {
            if (!ResourceName.IsLabel(name)) yield return NoLabel("tool_endpoints", name, "a tool server");
            if (!IsHttp(url)) yield return $"tool_endpoints.{name}: '{url}' is not an http address";
        }

        foreach (var problem in options.Tenants.SelectMany(OfTenant)) yield return problem;
        foreach (var shared in options.Tenants.Select(t => t.KeyFile).OfType<string>()
            .Select(f => Path.GetFullPath(Path.Combine(options.State, f)))
            .CountBy(f => f).Where(f => f.Value > 1))
            yield return $"tenants: two of them have the key_file '{shared.Key}'";
    }

    private static IEnumerable<string> OfStorage(StorageOptions storage)
    {
        if (storage.Agents is < 1 or > 1_000_000) yield return "storage.agents: 1 to 1000000";
        if (storage.ModulesMib < 1) yield return "storage.modules_mib: at least 1";
        if (storage.MemoryMib < 1) yield return "storage.memory_mib: at least 1";
        if (storage.RunsMib < 1) yield return "storage.runs_mib: at least 1";
        if (storage.RunsDays is < 1 or > 36_500) yield return "storage.runs_days: 1 to 36500";
    }

    private static IEnumerable<string> OfSandbox(SandboxOptions sandbox)
    {
        if (sandbox.Engine is not ("auto" or "wasmtime" or "managed"))
            yield return $"sandbox.engine: '{sandbox.Engine}' is none of auto, wasmtime, managed";
        if (sandbox.MaxMemoryMib is < 1 or > 4_096) yield return "sandbox.max_memory_mib: 1 to 4096";
        if (sandbox.MaxTenantMemoryMib < sandbox.MaxMemoryMib || sandbox.MaxTenantMemoryMib > MostTenantMemoryMib)
        {
            yield return "sandbox.max_tenant_memory_mib: sandbox.max_memory_mib "
                + $"({sandbox.MaxMemoryMib}) to {MostTenantMemoryMib}";
        }

        if (sandbox.Library is not { } library) yield break;
        if (sandbox.Engine == "managed") yield return "sandbox.library: the managed engine takes none";
        if (!File.Exists(library) && !Directory.Exists(library))
            yield return $"sandbox.library: there is no file or folder '{library}'";
    }

    private static IEnumerable<string> OfNodes(NodePoolOptions nodes)
    {
        if (!ResourceName.IsModel(nodes.ModelName)) yield return NoModel("nodes.model_name", nodes.ModelName);
        if (nodes.Count is < 0 or > 64) yield return "nodes.count: 0 to 64";
        if (nodes.ContextTokens is < 256 or > 1 << 20) yield return "nodes.context_tokens: 256 to 1048576";
        if (nodes.ParallelSequences is < 1 or > 256) yield return "nodes.parallel_sequences: 1 to 256";
        if (nodes.Threads is < 0 or > 256) yield return "nodes.threads: 0 to 256";
        if (nodes.Model is { } model && !File.Exists(model)) yield return $"nodes.model: there is no file '{model}'";
        if (nodes.Device is not ("cpu" or "vulkan" or "cuda"))
            yield return $"nodes.device: '{nodes.Device}' is none of cpu, vulkan, cuda";
        if (nodes.Simulate && nodes.Model is not null) yield return "nodes.simulate: a simulation has no nodes.model";
    }

    private static IEnumerable<string> OfEngine(EngineOptions engine)
    {
        if (string.IsNullOrWhiteSpace(engine.Name)) yield return "engines: an engine needs a name";
        if (!IsHttp(engine.Url) && !IsGrpc(engine.Url))
            yield return $"engines.{engine.Name}.url: '{engine.Url}' is neither an http address nor grpc://host:port";
        if (IsGrpc(engine.Url) && engine.ModelAlias is not null)
            yield return $"engines.{engine.Name}.model_alias: needs an http address";
        if (engine.ModelAlias is { } alias && !ResourceName.IsModel(alias))
            yield return NoModel($"engines.{engine.Name}.model_alias", alias);
        if (engine.Kind is not ("node" or "vllm" or "sglang" or "openai"))
            yield return $"engines.{engine.Name}.kind: '{engine.Kind}' is none of node, vllm, sglang, openai";
        foreach (var events in new[] { engine.KvEvents, engine.KvReplay })
        {
            if (events is not null && !(Uri.TryCreate(events, UriKind.Absolute, out var uri) && uri.Scheme == "tcp"))
                yield return $"engines.{engine.Name}: '{events}' is not tcp://host:port";
        }

        if (engine.Role is not ("both" or "prefill" or "decode"))
            yield return $"engines.{engine.Name}.role: '{engine.Role}' is none of both, prefill, decode";
        if (engine.ApiKeyVariable is not { } v) yield break;
        if (Environment.GetEnvironmentVariable(v)?.Trim() is not { Length: > 0 } key)
            yield return $"engines.{engine.Name}.api_key_variable: {v} is not set";
        else if (key.Any(c => c is <= ' ' or > '~')) // it travels in a header
            yield return $"engines.{engine.Name}.api_key_variable: {v} holds no key: a key is one word in ASCII";
    }

    private static IEnumerable<string> OfTenant(TenantOptions tenant)
    {
        if (!ResourceName.IsLabel(tenant.Name)) yield return NoLabel("tenants", tenant.Name, "a tenant");
        if (!ResourceName.IsLabel(tenant.Project))
            yield return NoLabel($"tenants.{tenant.Name}.project", tenant.Project, "a project");
        if (tenant.Bundle is { } bundle && !Directory.Exists(bundle))
            yield return $"tenants.{tenant.Name}.bundle: there is no folder '{bundle}'";
        foreach (var (agent, module) in tenant.Agents)
        {
            if (!ResourceName.IsLabel(agent)) yield return NoLabel($"tenants.{tenant.Name}.agents", agent, "an agent");
            if (!File.Exists(module)) yield return $"tenants.{tenant.Name}.agents.{agent}: there is no file '{module}'";
        }
    }

    private static string NoLabel(string key, string name, string what) =>
        $"{key}: '{name}' is no name for {what}: {ResourceName.LabelForm}";

    private static string NoModel(string key, string name) =>
        $"{key}: '{name}' is no name for a model: {ResourceName.ModelForm}";

    /// <summary>
    /// Another name than localhost would be listened to on every interface, whatever it stands for (Kestrel does not
    /// resolve names), and a path is none of the server's business.
    /// </summary>
    private static bool IsListenAddress(string text) =>
        IsHttp(text) && new Uri(text) is var uri && uri.PathAndQuery == "/" && uri.Fragment.Length == 0
        && uri.UserInfo.Length == 0
        && (uri.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6
            || uri.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase));

    private static bool IsGrpc(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri is { Scheme: "grpc", Port: > 0 };

    private static bool IsHttp(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == "http" || uri.Scheme == "https");
}
