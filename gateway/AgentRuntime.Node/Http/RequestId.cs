using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary>
/// A request's id: the client's <c>X-Request-Id</c> where it is a plain short token, else a random one.
/// </summary>
internal static class RequestId
{
    public static string Of(HttpContext context) =>
        context.Request.Headers["X-Request-Id"] is [{ Length: > 0 and <= 128 } given]
        && given.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? given
            : RandomNumberGenerator.GetHexString(32, lowercase: true);
}
