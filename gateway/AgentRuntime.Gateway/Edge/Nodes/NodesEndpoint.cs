using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>PUT</c> and <c>DELETE /v1/nodes/{name}</c>: nodes join, renew their lease, say that they drain, and leave. They
/// authenticate by the join secret; no tenant's key opens this, and the secret opens nothing else. Thread-safe.
/// </summary>
internal sealed class NodesEndpoint(NodeRegistrationOptions options, RegisteredEngines registered, EngineRouter router)
{
    private const int MaxBodyBytes = 16 << 10;
    private const string Scheme = "Bearer ";
    private readonly byte[] _secret = SHA256.HashData(options.JoinSecret.Span);

    public async Task PutAsync(HttpContext context)
    {
        Authenticate(context.Request);
        var name = NameOf(context);
        var body = await BodyReader.ReadAsync(context, MaxBodyBytes, context.RequestAborted);
        var (engine, draining) = Read(name, body);
        registered.Put(engine, draining);
        var inFlight = router.Engines.FirstOrDefault(e => e.Engine.Name == name)?.InFlight ?? 0;
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        context.Response.ContentType = "application/json";
        json.WriteStartObject();
        json.WriteNumber("lease_seconds"u8, registered.Lease.TotalSeconds);
        json.WriteNumber("in_flight"u8, inFlight);
        json.WriteEndObject();
    }

    public Task DeleteAsync(HttpContext context)
    {
        Authenticate(context.Request);
        context.Response.StatusCode = registered.Remove(NameOf(context))
            ? StatusCodes.Status204NoContent
            : throw new RuntimeErrorException(new RuntimeError(ReasonCodes.NotFound, "no such node", "name"));
        return Task.CompletedTask;
    }

    private static string NameOf(HttpContext context) => context.Request.RouteValues["name"] as string ?? "";

    private static (EngineDescriptor Engine, bool Draining) Read(string name, byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions
            {
                AllowDuplicateProperties = false, MaxDepth = 16,
            });
            var root = document.RootElement;
            if (root.TryGetProperty("api_key_env", out _))
                throw new FormatException("a node cannot name variables of this process");
            return (
                FileEngineSource.Engine(root, name),
                root.TryGetProperty("draining", out var draining) && draining.GetBoolean());
        }
        catch (RuntimeErrorException e)
        {
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.MalformedRequest, e.Error.Message, "body"), e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException or ArgumentException)
        {
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.MalformedRequest, e.Message, "body"), e);
        }
    }

    private void Authenticate(HttpRequest request)
    {
        var header = request.Headers.Authorization;
        if (header.Count != 1 || header[0] is not { } value
            || !value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.MissingCredential, "the request carries no join secret", "Authorization"));
        }

        // Digests have one length, so that comparing them says nothing of the secret's.
        var given = SHA256.HashData(Encoding.UTF8.GetBytes(value[Scheme.Length..].Trim()));
        if (!CryptographicOperations.FixedTimeEquals(given, _secret))
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.InvalidCredential, "the join secret is not valid", "Authorization"));
        }
    }
}
