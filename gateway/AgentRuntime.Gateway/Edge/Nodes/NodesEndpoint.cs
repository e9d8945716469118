using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>PUT</c> and <c>DELETE /v1/nodes/{name}</c>: nodes join, renew their lease, say that they drain, and leave;
/// <c>GET /v1/nodes</c>: what is there and how many there should be, for whoever starts and stops them. All
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

    /// <summary><c>GET /v1/nodes</c>: every engine in use, and how many the load asks for, with the reason.</summary>
    public async Task ListAsync(HttpContext context)
    {
        Authenticate(context.Request);
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("engines"u8);
        foreach (var engine in router.Engines)
            Write(json, engine);
        json.WriteEndArray();
        json.WriteStartArray("demand"u8);
        foreach (var demand in router.ServiceLevels.Demand())
        {
            json.WriteStartObject();
            json.WriteString("model"u8, demand.Model);
            json.WriteString("duty"u8, DutyOf(demand));
            json.WriteNumber("engines"u8, demand.Engines);
            json.WriteNumber("desired"u8, demand.Desired);
            json.WriteString("reason"u8, demand.Reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
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

    internal static string DutyOf(EngineDemand demand) =>
        demand.Duty == EngineDuty.Prefill ? "prefill" : "decode";

    private static void Write(Utf8JsonWriter json, EngineStatus engine)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, engine.Engine.Name);
        json.WriteBoolean("healthy"u8, engine.Healthy);
        json.WriteBoolean("circuit_closed"u8, engine.CircuitClosed);
        json.WriteBoolean("draining"u8, engine.Draining);
        json.WriteNumber("in_flight"u8, engine.InFlight);
        json.WriteStartArray("models"u8);
        foreach (var model in engine.Models)
            json.WriteStringValue(model);
        json.WriteEndArray();
        json.WriteEndObject();
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
