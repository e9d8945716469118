using AgentRuntime.Sdk;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests.Processes;

/// <summary>
/// The whole platform as <c>./runtime/up</c> starts it, with the demo tenant: shop, platform and two inference nodes,
/// all real processes, with state of their own.
/// </summary>
public class RunningPlatform : IAsyncLifetime
{
    private readonly List<ChildProcess> _children = [];

    internal string[] ExtraArguments { get; init; } = [];

    internal Dictionary<string, string> ExtraEnvironment { get; init; } = [];

    /// <summary>The tokens of a sequence in the nodes; null for as many as the demo has.</summary>
    internal int? ContextTokens { get; init; }

    /// <summary>Changes the text of the demo's configuration; null for none.</summary>
    internal Func<string, string>? Configure { get; init; }

    internal string State { get; } = Directory.CreateTempSubdirectory("agentruntime-test-").FullName;

    internal Uri Url { get; private set; } = null!;

    internal ChildProcess Shop => _children[0];

    internal ChildProcess Platform => _children[1];

    internal string ApiKey => File.ReadAllText(Path.Combine(State, "acme.key")).Trim();

    public async Task InitializeAsync()
    {
        var (shop, shopUrl) = await ChildProcess.StartServerAsync(
            "dotnet", [Programs.Shop, "--port", "0", "--data", Path.Combine(State, "shop.db")]);
        _children.Add(shop);
        var (platform, url) = await ChildProcess.StartServerAsync(
            "dotnet",
            [
                Programs.Platform, "all", "--config", Config(), "--state", State, "--port", "0",
                "--tool", $"shop={shopUrl}", .. ExtraArguments,
            ],
            ExtraEnvironment);
        _children.Add(platform);
        Url = url;
    }

    public async Task DisposeAsync()
    {
        foreach (var child in Enumerable.Reverse(_children)) await child.DisposeAsync();
        Directory.Delete(State, recursive: true);
    }

    internal AgentRuntimeClient Client() => new(Url, ApiKey);

    internal HttpClient Http(string? key = null)
    {
        var http = new HttpClient { BaseAddress = Url };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key ?? ApiKey);
        return http;
    }

    /// <summary>Runs <c>agentctl</c> against this platform.</summary>
    internal Task<(int ExitCode, string Output)> AgentctlAsync(params string[] arguments) => ChildProcess.RunAsync(
        "dotnet",
        [Programs.Agentctl, .. arguments],
        new Dictionary<string, string> { ["AGENTRUNTIME_URL"] = Url.ToString(), ["AGENTRUNTIME_API_KEY"] = ApiKey });

    /// <summary>Process ids of the inference nodes: the platform's children but for its compilers.</summary>
    internal int[] NodeIds() =>
    [
        .. Directory.GetDirectories("/proc").Where(IsNode).Select(folder => int.Parse(Path.GetFileName(folder))),
    ];

    private string Config()
    {
        var demo = Path.Combine(Repository.Root, "runtime", "config", "demo.json");
        if (ContextTokens is null && Configure is null) return demo;
        var text = File.ReadAllText(demo).Replace("../../", Repository.Root + "/", StringComparison.Ordinal);
        if (ContextTokens is { } tokens)
            text = text.Replace(
                "\"count\": 2", $"\"count\": 2, \"context_tokens\": {tokens}", StringComparison.Ordinal);
        var changed = Path.Combine(State, "demo.json");
        File.WriteAllText(changed, Configure?.Invoke(text) ?? text);
        return changed;
    }

    /// <summary>
    /// Whether a folder of <c>/proc</c> is a node that the platform started. The platform's own list of them, by
    /// contrast, is cut up by the threads that started them.
    /// </summary>
    private bool IsNode(string folder)
    {
        if (!int.TryParse(Path.GetFileName(folder), out _)) return false;
        try
        {
            // "PID (NAME) STATE PARENT …", and a name may hold all of that.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            return text[(text.LastIndexOf(')') + 2)..].Split(' ')[1] == $"{Platform.Id}"
                && File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0').Contains("node");
        }
        catch (IOException)
        {
            return false; // It has ended.
        }
    }
}
