using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads the bodies of the API of runs, agents and policy. A key that is there twice is refused (RFC 8259 §4: which of
/// the two counts is anybody's guess): what one reader takes for a no must not be the next one's yes. Bodies that are
/// not small are parsed where that holds up nobody (decision 0426). Thread-safe.
/// </summary>
internal sealed class JsonBodies(LargeBodies large, BodyBytes bytes)
{
    private static readonly WireJson Strict = new(new JsonSerializerOptions(WireJson.Default.Options)
    {
        AllowDuplicateProperties = false,
    });

    /// <summary>Reads one whole; its bytes count as the tenant's until it is parsed.</summary>
    /// <typeparam name="T">A type of <see cref="WireJson"/>.</typeparam>
    /// <exception cref="JsonException">It is not of that form.</exception>
    /// <exception cref="RuntimeErrorException">AR1003, AR1010, AR4009, AR6004: as <see cref="BodyReader"/>.</exception>
    public async Task<T> ReadAsync<T>(
        HttpContext context, WorkIdentity caller, int maxBytes, CancellationToken cancellationToken)
        where T : class
    {
        using var held = bytes.Enter(caller.Tenant);
        var body = await BodyReader.ReadAsync(context, maxBytes, held, cancellationToken);
        return LargeBodies.IsLarge(body.Length)
            ? await large.DoAsync(caller.Tenant, () => Parse<T>(body), cancellationToken)
            : Parse<T>(body);
    }

    private static T Parse<T>(byte[] body)
        where T : class =>
        (T?)JsonSerializer.Deserialize(body, typeof(T), Strict) ?? throw new JsonException("no body");
}
