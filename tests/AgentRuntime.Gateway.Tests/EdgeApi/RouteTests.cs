using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests;

/// <summary>
/// Every address that the edge maps when all of its ports are there: <c>runtime/docs/api.md</c> lists it, and nobody
/// gets past its door without the credential that the page says. The ports behind the door answer nothing at all.
/// </summary>
public sealed class RouteTests : IAsyncLifetime
{
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    public static TheoryData<string, string> Guarded()
    {
        var data = new TheoryData<string, string>();
        foreach (var address in ApiReference.Addresses.Where(a => a.Who != "anybody"))
            data.Add(address.Method, address.Pattern);
        return data;
    }

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services
            .AddSingleton(TimeProvider.System)
            .AddSingleton<IAuthenticator>(new MemoryPorts())
            .AddSingleton(Shut.Port<IRunService>())
            .AddSingleton(Shut.Port<IRunJournal>())
            .AddSingleton(Shut.Port<IRunApprovals>())
            .AddSingleton(Shut.Port<IAgentStore>())
            .AddSingleton(Shut.Port<ISandboxEngine>())
            .AddSingleton(Shut.Port<IPolicyDecisionPoint>())
            .AddSingleton(Shut.Port<IPolicyAdministration>())
            .AddSingleton(Shut.Port<IPolicyVersions>())
            .AddSingleton(Shut.Port<IPolicyAnalysis>())
            .AddSingleton(Shut.Port<IInferenceRouter>())
            .AddSingleton(Shut.Port<IQuotaLedger>())
            .AddSingleton(Shut.Port<IServiceLevels>())
            .AddSingleton(Shut.Port<ITenantStorage>())
            .AddSingleton(Shut.Port<IMemoryStore>())
            .AddSingleton(new StorageLimits())
            .AddSingleton(_ => new EngineRouter(
                new EngineRouterOptions { Engines = [], Disaggregation = Disaggregation.Never }, TimeProvider.System))
            .AddEdge(new EdgeOptions())
            .AddNodeRegistration(new() { JoinSecret = "a join secret of this test"u8.ToArray() });
        _app = builder.Build();
        _app.MapEdge();
        _app.MapNodeRegistration();
        await _app.StartAsync();
        _http = new HttpClient { BaseAddress = new Uri(_app.Urls.Single()) };
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public void The_page_of_the_api_lists_what_is_mapped_and_nothing_else()
    {
        var mapped = _app.Services.GetServices<EndpointDataSource>()
            .Concat(((IEndpointRouteBuilder)_app).DataSources)
            .SelectMany(source => source.Endpoints)
            .OfType<RouteEndpoint>()
            .SelectMany(endpoint => endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
                .Select(method => $"{method} {endpoint.RoutePattern.RawText}"))
            .Distinct()
            .Order(StringComparer.Ordinal);

        Assert.Equal(
            ApiReference.Addresses.Select(address => address.ToString()).Order(StringComparer.Ordinal), mapped);
    }

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Nobody_gets_in_without_the_right_credential(string method, string pattern)
    {
        string[] missing = ["", "Basic YWNtZTphY21l", $"{MemoryPorts.AcmeKey}", "Bearer", "BearerX y"];
        string[] wrong =
        [
            "Bearer ar_live_wrong", $"Bearer {MemoryPorts.AcmeKey}x", $"bearer {MemoryPorts.AcmeKey} x",
            $"Bearer {new string('x', 8_000)}",
            pattern.StartsWith("/v1/nodes", StringComparison.Ordinal)
                ? $"Bearer {MemoryPorts.AcmeKey}"
                : "Bearer a join secret of this test",
        ];

        foreach (var credential in missing.Concat(wrong))
        {
            using var response = await SendAsync(method, pattern, credential);
            var body = await response.Content.ReadAsStringAsync();

            Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"'{credential}': {response} {body}");
            Assert.Contains(missing.Contains(credential) ? "AR1001" : "AR1002", body, StringComparison.Ordinal);
            Assert.StartsWith("Bearer", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Two_credentials_are_none()
    {
        foreach (var address in ApiReference.Addresses.Where(a => a.Who == "key"))
        {
            using var request = Request(address.Method, address.Pattern);
            request.Headers.TryAddWithoutValidation("Authorization", [$"Bearer {MemoryPorts.AcmeKey}", "Bearer other"]);
            using var response = await _http.SendAsync(request);

            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string method, string pattern, string credential)
    {
        using var request = Request(method, pattern);
        if (credential.Length > 0) request.Headers.TryAddWithoutValidation("Authorization", credential);
        return await _http.SendAsync(request);
    }

    private static HttpRequestMessage Request(string method, string pattern)
    {
        var request = new HttpRequestMessage(
            new HttpMethod(method),
            pattern.Replace("{**", "{", StringComparison.Ordinal).Replace('{', 'x').Replace('}', 'x'));
        if (method is "GET" or "DELETE") return request;
        request.Content = new ByteArrayContent("{}"u8.ToArray());
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return request;
    }

    /// <summary>A port that must not be reached: whatever is asked of it fails.</summary>
    public class Shut : DispatchProxy
    {
        internal static T Port<T>()
            where T : class => Create<T, Shut>();

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            throw new InvalidOperationException($"{targetMethod?.Name} was reached without a credential");
    }
}
