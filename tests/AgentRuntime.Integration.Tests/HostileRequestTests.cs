using System.Net.Http.Headers;
using System.Text.Json;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>
/// Every address of the platform with a valid key and with names, bodies and parameters that nobody means well with:
/// the answer is the client's mistake with a code, never a failure of the platform.
/// </summary>
public sealed class HostileRequestTests(SharedPlatform platform) : IClassFixture<SharedPlatform>
{
    private static readonly string[] Names =
    [
        "%2F", "..%2F..%2Fetc", "%2E%2E", "%00", "%ff%fe", "%C3%A9", "%F0%9F%98%80", "%252F", "a%0D%0AX-Y:%20z",
        "run_00000000000000000000000000000000", "run_%30", "-1", "99999999999999999999", new('a', 3_000),
    ];

    private static readonly string[] Bodies =
    [
        "", " ", "null", "[]", "{", "1", "\"x\"", """{"x":1,"x":2}""", """{"input":null}""", """{"files":null}""",
        """{"files":{"a":null}}""", """{"files":{"../../x":"y"}}""", """{"version":-1}""", """{"version":1e99}""",
        """{"approved":"yes"}""", """{"days":-1,"files":{}}""", """{"run":"x","call":-1}""", "{\"input\":\"\\ud800\"}",
        """{"model":null,"messages":null,"input":null,"prompt":null}""",
    ];

    private static readonly string[] Numbers = ["0", "-1", "2147483648", "99999999999999999999", "1.5", "x", "%00"];

    public static TheoryData<string, string> Addresses()
    {
        var data = new TheoryData<string, string>();
        foreach (var address in ApiReference.Addresses) data.Add(address.Method, address.Pattern);
        return data;
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public async Task Nothing_that_a_client_sends_is_the_platforms_failure(string method, string pattern)
    {
        using var http = platform.Http(
            pattern.StartsWith("/v1/nodes", StringComparison.Ordinal) ? platform.JoinSecret : null);
        foreach (var name in pattern.Contains('{', StringComparison.Ordinal) ? Names : [])
            await AssertMistakeAsync(http, method, Filled(pattern, name), method is "GET" or "DELETE" ? null : "{}");
        foreach (var body in method is "GET" or "DELETE" ? [] : Bodies)
            await AssertMistakeAsync(http, method, Filled(pattern, "x"), body);
        foreach (var number in method == "GET" ? Numbers : [])
        {
            foreach (var parameter in (string[])["page_size", "page_token", "after", "limit", "stream"])
                await AssertMistakeAsync(http, method, $"{Filled(pattern, "x")}?{parameter}={number}", null);
        }
    }

    private async Task AssertMistakeAsync(HttpClient http, string method, string path, string? body)
    {
        var address = new Uri(
            platform.Url.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(new(method), address);
        if (body is not null)
        {
            request.Content = new StringContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        using var response = await http.SendAsync(request);
        var status = (int)response.StatusCode;
        var answer = await response.Content.ReadAsStringAsync();

        Assert.True(status is >= 200 and < 500, $"{method} {path} {body}: {status} {answer}");
        if (status < 400 || answer.Length == 0) return; // the server itself refuses what is no request at all
        var json = JsonElement.Parse(answer);
        var code = json.TryGetProperty("error", out var error) ? error.GetProperty("code")
            : json.TryGetProperty("problems", out var problems) ? problems[0].GetProperty("code")
            : json.GetProperty("code");
        Assert.Matches("^AR[0-9]{4}$", code.GetString());
    }

    private static string Filled(string pattern, string name) =>
        string.Concat(pattern.Split('/').Skip(1).Select(part => "/" + (part.StartsWith('{') ? name : part)));
}
