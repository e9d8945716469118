using System.Net;
using System.Net.Http.Json;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Sdk.Http;

/// <summary>Sends requests to the control API and turns its problem details into exceptions. Thread-safe.</summary>
internal sealed class ControlApi(HttpClient http)
{
    private const int MaxErrorBytes = 1 << 16;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Escapes what JSON demands and no more: a bundle would become up to six times as long otherwise.
    /// </summary>
    private static readonly JsonSerializerOptions Sent =
        new(WireJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        return await ReadAsync(request, type, cancellationToken);
    }

    public async Task<TResult> PostAsync<TBody, TResult>(
        string path,
        TBody body,
        JsonTypeInfo<TBody> bodyType,
        JsonTypeInfo<TResult> resultType,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = Content(body, bodyType);
        return await ReadAsync(request, resultType, cancellationToken);
    }

    public async Task PostAsync<TBody>(
        string path, TBody body, JsonTypeInfo<TBody> type, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = Content(body, type);
        using var response = await SendAsync(request, cancellationToken);
    }

    public async Task PostAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        using var response = await SendAsync(request, cancellationToken);
    }

    public async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        using var response = await SendAsync(request, cancellationToken);
    }

    public Task<PolicyBundleResource> PutPolicyAsync(
        PolicyBundleBody body, bool dryRun, CancellationToken cancellationToken) =>
        AskAsync(
            HttpMethod.Put,
            dryRun ? "v1/policy?dry_run=true" : "v1/policy",
            body,
            WireJson.Default.PolicyBundleBody,
            WireJson.Default.PolicyBundleResource,
            cancellationToken);

    /// <summary>
    /// Sends a bundle with a question. One with problems answers 422 with the same resource, so that all problems
    /// arrive at once.
    /// </summary>
    public async Task<TResult> AskAsync<TBody, TResult>(
        HttpMethod method,
        string path,
        TBody body,
        JsonTypeInfo<TBody> bodyType,
        JsonTypeInfo<TResult> resultType,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = Content(body, bodyType);
        using var response = await http.SendAsync(request, cancellationToken);
        if (response.StatusCode != HttpStatusCode.UnprocessableEntity
            || response.Content.Headers.ContentType?.MediaType == "application/problem+json")
            await ThrowUnlessOkAsync(response, cancellationToken);
        return await response.Content.ReadFromJsonAsync(resultType, cancellationToken)
            ?? throw new JsonException("the platform answered null");
    }

    public async Task<T> ReadAsync<T>(
        HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, cancellationToken);
        return await response.Content.ReadFromJsonAsync(type, cancellationToken)
            ?? throw new JsonException("the platform answered null");
    }

    /// <summary>The response to a request once its headers are there and say success.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        try
        {
            await ThrowUnlessOkAsync(response, cancellationToken);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>Said of a platform that is there, or comes back: by itself or by a proxy before it.</summary>
    private static bool IsPassing(HttpStatusCode status) => status is HttpStatusCode.TooManyRequests
        or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private static JsonContent Content<T>(T body, JsonTypeInfo<T> type) =>
        JsonContent.Create(body, (JsonTypeInfo<T>)Sent.GetTypeInfo(type.Type));

    private static async Task ThrowUnlessOkAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode) return;
        await response.Content.LoadIntoBufferAsync(MaxErrorBytes, cancellationToken);
        var error = WireError.Read(
            await response.Content.ReadAsByteArrayAsync(cancellationToken),
            (int)response.StatusCode);
        throw new RuntimeErrorException(error with
        {
            RetryAfter = response.Headers.RetryAfter?.Delta ?? (IsPassing(response.StatusCode) ? Soon : null),
        });
    }
}
