using System.Globalization;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Tells clients where their quota stands: OpenAI's <c>x-ratelimit-*</c> and the IETF's <c>RateLimit</c> fields
/// (draft-ietf-httpapi-ratelimit-headers-11). Stateless.
/// </summary>
internal static class QuotaHeaders
{
    public static void Write(IHeaderDictionary headers, QuotaStatus status)
    {
        var limits = status.Limits;
        var reset = Duration(status.ResetsIn);
        var requestsLeft = Text(status.RequestsLeft);
        var tokensLeft = Text(status.TokensLeft.Value);
        var seconds = Text((long)Math.Ceiling(Math.Max(0, status.ResetsIn.TotalSeconds)));
        headers["x-ratelimit-limit-requests"] = Text(limits.RequestsPerMinute);
        headers["x-ratelimit-limit-tokens"] = Text(limits.TokensPerMinute.Value);
        headers["x-ratelimit-remaining-requests"] = requestsLeft;
        headers["x-ratelimit-remaining-tokens"] = tokensLeft;
        headers["x-ratelimit-reset-requests"] = reset;
        headers["x-ratelimit-reset-tokens"] = reset;
        headers["RateLimit-Policy"] = $"\"requests\";q={Text(limits.RequestsPerMinute)};w=60, "
            + $"\"tokens\";q={Text(limits.TokensPerMinute.Value)};w=60";
        headers["RateLimit"] = $"\"requests\";r={requestsLeft};t={seconds}, \"tokens\";r={tokensLeft};t={seconds}";
    }

    /// <summary>Go's duration form as OpenAI writes it: <c>6m0s</c>, <c>17s</c>, <c>120ms</c>.</summary>
    internal static string Duration(TimeSpan time)
    {
        if (time <= TimeSpan.Zero)
            return "0s";

        if (time < TimeSpan.FromSeconds(1))
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (int)time.TotalMilliseconds)}ms");

        var seconds = (long)Math.Ceiling(time.TotalSeconds);
        return seconds < 60
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds}s")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}m{seconds % 60}s");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
