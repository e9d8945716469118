using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>An endpoint that knows who calls.</summary>
internal delegate Task EdgeHandler(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken);

/// <summary>
/// Lets authenticated requests through to handlers: the tenant comes from the key and from nothing else. Also bounds
/// how long a handler may take. Thread-safe.
/// </summary>
internal sealed class EdgeGate(IAuthenticator authenticator, TimeProvider time)
{
    private const string Scheme = "Bearer ";
    private const int MaxCredentialChars = 4_096;

    /// <param name="handler">What to do for an authenticated caller.</param>
    /// <param name="timeout">How long it may take; null when it bounds itself.</param>
    public RequestDelegate Guard(EdgeHandler handler, TimeSpan? timeout) => async context =>
    {
        var credential = Credential(context.Request);
        if (credential is null)
        {
            await ErrorWriter.WriteAsync(context, new RuntimeError(
                ReasonCodes.MissingCredential,
                "the request carries no API key",
                "Authorization",
                "Send 'Authorization: Bearer <key>'"));
            return;
        }

        var caller = credential.Length is 0 or > MaxCredentialChars
            ? null
            : await authenticator.AuthenticateAsync(credential, context.RequestAborted);
        if (caller is null)
        {
            await ErrorWriter.WriteAsync(context, new RuntimeError(
                ReasonCodes.InvalidCredential, "the API key is not valid", "Authorization"));
            return;
        }

        if (timeout is not { } limit)
        {
            await handler(context, caller, context.RequestAborted);
            return;
        }

        using var stop = new CancellationTokenSource(limit, time);
        using var left = context.RequestAborted.UnsafeRegister(
            static stop => ((CancellationTokenSource)stop!).Cancel(), stop);
        await handler(context, caller, stop.Token);
    };

    private static string? Credential(HttpRequest request)
    {
        var header = request.Headers.Authorization;
        return header.Count == 1 && header[0] is { } value
            && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? value[Scheme.Length..].Trim()
            : null;
    }
}
