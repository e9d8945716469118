using System.Net;
using System.Net.Http.Headers;
using System.Text;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests;

public sealed class RegistrationTests(ITestOutputHelper output) : IDisposable
{
    private const string Secret = "a join secret of this test";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("registration");

    [Fact]
    public async Task A_node_joins_renews_drains_and_leaves()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        await using var edge = await StartAsync();
        await using var discovery = await FollowAsync(edge);
        var body = $$"""{"url":"{{engine.Address}}","kind":"vllm","max_running":4}""";

        var joined = await EdgeHarness.JsonAsync(await PutAsync(edge, "a", body), HttpStatusCode.OK);

        Assert.Equal(15, joined.GetProperty("lease_seconds").GetDouble());
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Any(e => e is { Healthy: true }));
        Assert.Equal(4, edge.Router.Engines.Single().Engine.MaxRunning);
        Assert.Equal(HttpStatusCode.OK, (await edge.ChatAsync()).StatusCode);

        await PutAsync(edge, "a", body[..^1] + ""","draining":true}""");
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Count == 0);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(edge, HttpMethod.Delete, "a", null)).StatusCode);
        Assert.Equal(
            "AR1005",
            await EdgeHarness.ProblemAsync(
                await SendAsync(edge, HttpMethod.Delete, "a", null), HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task A_node_that_stays_silent_is_taken_out_when_its_lease_ends()
    {
        var time = new ManualTime();
        var registered = new RegisteredEngines(Options, time);
        registered.Put(new EngineDescriptor("a", new Uri("http://127.0.0.1:1"), EngineKind.Node), draining: false);
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.Single((await registered.ListAsync(CancellationToken.None))!);

        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Empty((await registered.ListAsync(CancellationToken.None))!);
    }

    [Theory]
    [InlineData(null, "AR1001", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer wrong", "AR1002", HttpStatusCode.Unauthorized)]
    [InlineData($"Bearer {MemoryPorts.AcmeKey}", "AR1002", HttpStatusCode.Unauthorized)]
    public async Task Without_the_join_secret_nobody_joins(string? credential, string code, HttpStatusCode status)
    {
        await using var edge = await StartAsync();

        var refused = await SendAsync(edge, HttpMethod.Put, "a", """{"url":"http://127.0.0.1:1"}""", credential ?? "");

        Assert.Equal(code, await EdgeHarness.ProblemAsync(refused, status));
        Assert.Empty((await edge.Service<RegisteredEngines>().ListAsync(CancellationToken.None))!);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"url":"file:///etc/passwd"}""")]
    [InlineData("""{"url":"http://127.0.0.1:1","kind":"other"}""")]
    [InlineData("""{"url":"http://127.0.0.1:1","api_key_env":"PATH"}""")]
    [InlineData("""{"url":"http://127.0.0.1:1","kv_events":"ipc:///tmp/x"}""")]
    [InlineData("""{"url":"http://127.0.0.1:1","draining":"yes"}""")]
    public async Task What_is_wrong_is_refused(string body)
    {
        await using var edge = await StartAsync();

        Assert.Equal(
            "AR1004", await EdgeHarness.ProblemAsync(await PutAsync(edge, "a", body), HttpStatusCode.BadRequest));
    }

    [Fact]
    public async Task A_name_belongs_to_one_address_and_there_is_room_for_so_many()
    {
        await using var edge = await StartAsync(Options with { MaxNodes = 1 });
        await PutAsync(edge, "a", """{"url":"http://127.0.0.1:1"}""");

        var taken = await PutAsync(edge, "a", """{"url":"http://127.0.0.1:2"}""");
        var full = await PutAsync(edge, "b", """{"url":"http://127.0.0.1:2"}""");

        Assert.Equal("AR1004", await EdgeHarness.ProblemAsync(taken, HttpStatusCode.BadRequest));
        Assert.Equal("AR4009", await EdgeHarness.ProblemAsync(full, HttpStatusCode.ServiceUnavailable));
    }

    [Fact]
    public async Task Without_the_option_there_is_no_such_address()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        Assert.Equal(
            "AR1005",
            await EdgeHarness.ProblemAsync(
                await PutAsync(edge, "a", """{"url":"http://127.0.0.1:1"}"""), HttpStatusCode.NotFound));
    }

    [Fact]
    public async Task A_real_node_joins_and_on_SIGTERM_ends_only_when_its_streams_have()
    {
        if (!RealNode.Available)
        {
            output.WriteLine("the node's library is not installed; nothing was tested");
            return;
        }

        await using var edge = await StartAsync();
        await using var discovery = await FollowAsync(edge);
        var key = Path.Combine(_folder.FullName, "join.key");
        await File.WriteAllTextAsync(key, Secret + "\n");
        await using var answers = await HeldAnswers.StartAsync();
        await using var node = await RealNode.StartAsync(
            "n", RealNode.WriteModel(_folder.FullName), "--register", edge.Address.ToString(),
            "--register-key-file", key, "--advertise", answers.Address.ToString());
        answers.Engine = node.Descriptor.BaseAddress;
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Any(e => e is { Healthy: true }));

        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions")
        {
            Content = new StringContent(
                """{"model":"m","prompt":"the river","max_tokens":1900,"ignore_eos":true,"stream":true}""",
                Encoding.UTF8, "application/json"),
        };
        answers.Hold();
        using var response = await edge.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.StartsWith("data: {", await reader.ReadLineAsync(), StringComparison.Ordinal);

        var ended = node.TerminateAsync();
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Any(e => e is { Draining: true, InFlight: 1 }));
        Assert.False(ended.IsCompleted);
        answers.GoOn();

        var rest = await reader.ReadToEndAsync();
        Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
        Assert.DoesNotContain("\"error\"", rest, StringComparison.Ordinal);
        Assert.Equal(0, await ended);
        await Eventually.BecomesTrueAsync(() => edge.Router.Engines.Count == 0);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static NodeRegistrationOptions Options => new() { JoinSecret = Encoding.UTF8.GetBytes(Secret) };

    private static Task<EdgeHarness> StartAsync(NodeRegistrationOptions? options = null) =>
        EdgeHarness.StartAsync([], registration: options ?? Options);

    private static async Task<EngineDiscovery> FollowAsync(EdgeHarness edge)
    {
        var discovery = new EngineDiscovery(edge.Router, edge.Service<RegisteredEngines>());
        await discovery.StartAsync(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        return discovery;
    }

    private static Task<HttpResponseMessage> PutAsync(EdgeHarness edge, string name, string body) =>
        SendAsync(edge, HttpMethod.Put, name, body);

    private static async Task<HttpResponseMessage> SendAsync(
        EdgeHarness edge, HttpMethod method, string name, string? body, string credential = $"Bearer {Secret}")
    {
        using var http = new HttpClient { BaseAddress = edge.Address };
        using var request = new HttpRequestMessage(method, $"v1/nodes/{name}");
        if (credential.Length > 0)
            request.Headers.Authorization = AuthenticationHeaderValue.Parse(credential);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        var response = await http.SendAsync(request);
        await response.Content.LoadIntoBufferAsync();
        return response;
    }
}
