using System.Net;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>A tenant's quota of requests and of tokens, from its bundle to the client's headers.</summary>
public sealed class QuotaTests : IAsyncLifetime
{
    private const string Hello = """{"model":"demo","messages":[{"role":"user","content":"Hello"}],"max_tokens":4}""";

    private readonly RunningPlatform _platform = new();

    public Task InitializeAsync() => _platform.InitializeAsync();

    public Task DisposeAsync() => _platform.DisposeAsync();

    [Theory]
    [InlineData("requests_per_minute: 600", "requests_per_minute: 2", "AR6001")]
    [InlineData("tokens_per_minute: 200_000", "tokens_per_minute: 200", "AR6002")]
    public async Task Beyond_the_quota_requests_are_refused_with_429_and_when_to_come_back(
        string before, string after, string code)
    {
        await ApplyAsync(before, after);
        using var http = _platform.Http();

        // A window ends on the minute: more requests than two windows hold must meet the limit.
        for (var i = 0; i < 20; i++)
        {
            using var response = await http.PostAsync("v1/chat/completions", EdgeTests.Json(Hello));
            if (response.StatusCode == HttpStatusCode.OK) continue;

            Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
            Assert.Equal(code, await EdgeTests.CodeAsync(response));
            Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 0, 60);
            Assert.True(response.Headers.Contains("x-ratelimit-remaining-requests"));
            return;
        }

        Assert.Fail("twenty requests went through");
    }

    private async Task ApplyAsync(string before, string after)
    {
        var files = DemoBundle.Files();
        Assert.Contains(before, files["bundle.yaml"], StringComparison.Ordinal);
        files["bundle.yaml"] = files["bundle.yaml"].Replace(before, after, StringComparison.Ordinal);
        using var client = _platform.Client();
        var applied = await client.ApplyPolicyAsync(files, dryRun: false, CancellationToken.None);
        Assert.Empty(applied.Problems);
    }
}
