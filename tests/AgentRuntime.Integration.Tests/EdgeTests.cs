using System.Net;
using System.Text;
using System.Text.Json;
using AgentRuntime.Integration.Tests.Processes;

namespace AgentRuntime.Integration.Tests;

/// <summary>What a client of the OpenAI interface sees, refusals included.</summary>
public class EdgeTests(RunningPlatform platform) : IClassFixture<RunningPlatform>
{
    private const string Hello = """{"model":"demo","messages":[{"role":"user","content":"Hello"}],"max_tokens":8}""";

    [Fact]
    public async Task A_chat_is_answered_with_usage_and_the_engines()
    {
        using var http = platform.Http();

        using var response = await http.PostAsync("v1/chat/completions", Json(Hello));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal("chat.completion", body.RootElement.GetProperty("object").GetString());
        Assert.InRange(body.RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), 1, 8);
        Assert.NotEqual(
            response.Headers.GetValues("x-agentruntime-prefill-engine").Single(),
            response.Headers.GetValues("x-agentruntime-decode-engine").Single());
        Assert.True(response.Headers.Contains("x-ratelimit-remaining-tokens"));
    }

    [Fact]
    public void No_process_is_woken_up_by_files_that_others_write()
    {
        // The state, with its database, is often beneath the folder that everything was started in.
        foreach (var process in (int[])[platform.Platform.Id, .. platform.NodeIds()])
        {
            var threads = Directory.GetDirectories($"/proc/{process}/task")
                .Select(task => File.ReadAllText(Path.Combine(task, "comm")).Trim()).ToArray();
            Assert.Contains(threads, name => name.StartsWith(".NET", StringComparison.Ordinal));
            Assert.DoesNotContain(".NET File Watch", threads);
        }
    }

    [Fact]
    public async Task A_greedy_answer_is_the_same_every_time()
    {
        using var http = platform.Http();
        var greedy = Hello.Replace("\"max_tokens\":8", "\"max_tokens\":8,\"temperature\":0", StringComparison.Ordinal);
        var answers = new HashSet<string>();

        for (var i = 0; i < 4; i++)
        {
            using var response = await http.PostAsync("v1/chat/completions", Json(greedy));
            using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            var choice = body.RootElement.GetProperty("choices")[0];
            answers.Add(choice.GetProperty("message").GetProperty("content").GetString()!);
        }

        Assert.Single(answers);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized, "AR1001")]
    [InlineData("ar_live_wrong", HttpStatusCode.Unauthorized, "AR1002")]
    public async Task A_request_without_a_valid_key_is_refused(string? key, HttpStatusCode status, string code)
    {
        using var http = new HttpClient { BaseAddress = platform.Url };
        if (key is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", key);

        using var response = await http.PostAsync("v1/chat/completions", Json(Hello));

        Assert.Equal(status, response.StatusCode);
        Assert.Equal(code, await CodeAsync(response));
    }

    [Theory]
    [InlineData("""{"model":"nobody","messages":[{"role":"user","content":"x"}]}""", HttpStatusCode.Forbidden,
        "AR2009")]
    [InlineData("""{"model":"demo","messages":""", HttpStatusCode.BadRequest, "AR1004")]
    [InlineData("""{"model":"demo"}""", HttpStatusCode.BadRequest, "AR1004")]
    public async Task A_bad_request_gets_a_clear_error(string body, HttpStatusCode status, string code)
    {
        using var http = platform.Http();

        using var response = await http.PostAsync("v1/chat/completions", Json(body));

        Assert.Equal((status, code), (response.StatusCode, await CodeAsync(response)));
    }

    [Fact]
    public async Task An_oversized_body_is_refused_and_the_platform_serves_on()
    {
        using var http = platform.Http();
        var huge = Hello.Replace("Hello", new string('x', 40 << 20), StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = Json(huge) };
        request.Headers.ExpectContinue = true; // as curl does: the refusal comes before the body is sent
        using var refused = await http.SendAsync(request);
        using var next = await http.PostAsync("v1/chat/completions", Json(Hello));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        Assert.Equal("AR1003", await CodeAsync(refused));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused_by_code()
    {
        using var http = platform.Http();
        var words = string.Concat(Enumerable.Repeat("hello ", 20_000));
        var longer = Hello.Replace("Hello", words, StringComparison.Ordinal);

        using var response = await http.PostAsync("v1/chat/completions", Json(longer));

        Assert.Equal((HttpStatusCode.BadRequest, "AR4006"), (response.StatusCode, await CodeAsync(response)));
    }

    [Fact]
    public async Task An_unknown_agent_is_not_found()
    {
        using var http = platform.Http();

        using var response = await http.PostAsync("v1/projects/demo/agents/nobody/runs", Json("""{"input":"x"}"""));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("AR1006", await CodeAsync(response));
    }

    internal static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    internal static async Task<string?> CodeAsync(HttpResponseMessage response)
    {
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return body.RootElement.TryGetProperty("error", out var error)
            ? error.GetProperty("code").GetString()
            : body.RootElement.GetProperty("code").GetString();
    }
}
