namespace AgentRuntime.Policies.Tests;

/// <summary>A small valid bundle that tests change in one place.</summary>
internal static class Sample
{
    public const string Main = """
        name: sample
        quota: {requests_per_minute: 60, tokens_per_minute: 10_000, cost_per_day_usd: 5, concurrent_runs: 4}
        models:
          small: {direct: true}
          large: {direct: [web]}
        servers:
          shop: {url: "http://127.0.0.1:8791/mcp", timeout: 5s}
          files: {url: "https://files.example/mcp"}
        """;

    public const string Agents = """
        agents:
          demo/clerk:
            model: small
            models: [large]
            max_output_tokens: 64
            limits: {memory: 32MiB, cpu_time: 250ms, call_depth: 100, host_calls: 50, log: 1KiB}
            budget: {tokens: 5000, cost_usd: 0.25, deadline: 2m, input: 64KiB}
            tools:
              - shop/lookup
              - tool: shop/refund
                max: {amount_cents: 5000}
                reason: ask the desk
              - tool: files/read
                like: {path: "/public/*"}
          demo/idle:
            model: small
        """;

    public const string Shop = """
        [
          {"name": "lookup", "description": "Looks up.", "inputSchema": {
            "type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"],
            "additionalProperties": false}},
          {"name": "refund", "description": "Refunds.", "inputSchema": {
            "type": "object",
            "properties": {
              "order": {"type": "string"},
              "amount_cents": {"type": "integer", "minimum": 1},
              "rate": {"type": "number"},
              "urgent": {"type": "boolean"},
              "tags": {"type": "array", "items": {"type": "string"}},
              "to": {"type": "object", "properties": {"iban": {"type": "string"}}, "required": ["iban"]},
              "extra": {"anyOf": [{"type": "string"}, {"type": "integer"}]}
            },
            "required": ["order", "amount_cents"], "additionalProperties": false}},
          {"name": "erase", "description": "Erases.", "inputSchema": {"type": "object", "properties": {}}}
        ]
        """;

    public const string Files = """
        [{"name": "read", "description": "Reads.", "inputSchema": {
          "type": "object", "properties": {"path": {"type": "string"}}, "additionalProperties": true}}]
        """;

    /// <summary>The bundle, with some files replaced or added; a null text leaves the file out.</summary>
    public static Dictionary<string, string> Bundle(params (string Path, string? Text)[] changes)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["bundle.yaml"] = Main,
            ["agents.yaml"] = Agents,
            ["tools/shop.json"] = Shop,
            ["tools/files.json"] = Files,
        };
        foreach (var (path, text) in changes)
        {
            if (text is null)
                files.Remove(path);
            else
                files[path] = text;
        }

        return files;
    }

    /// <summary>What is wrong with a bundle, as the command line prints it.</summary>
    public static IReadOnlyList<string> Problems(Dictionary<string, string> files, PolicyOptions? options = null)
    {
        var problems = new Problems();
        var bundle = BundleCompiler.Compile(files, options ?? new(), problems);
        Assert.Equal(problems.Any, bundle is null);
        return problems.ToList().Select(p => p.ToString()).ToList();
    }

    public static BundleSnapshot Snapshot(Dictionary<string, string> files)
    {
        Assert.Empty(Problems(files));
        return new(BundleCompiler.Compile(files, new(), new())!, new());
    }
}
