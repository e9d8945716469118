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
        var config = Path.Combine(Repository.Root, "runtime", "config", "demo.json");
        var (platform, url) = await ChildProcess.StartServerAsync(
            "dotnet",
            [
                Programs.Platform, "all", "--config", config, "--state", State, "--port", "0",
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

    /// <summary>Process ids of the inference nodes: the platform's children.</summary>
    internal int[] NodeIds() =>
    [
        .. File.ReadAllText($"/proc/{Platform.Id}/task/{Platform.Id}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse),
    ];
}
