using System.Globalization;

namespace AgentRuntime.Rpc.Metadata;

/// <summary>
/// What a status is when the peer gives none: from HTTP's (grpc: doc/http-grpc-status-mapping.md) and from the code of
/// an RST_STREAM (PROTOCOL-HTTP2, Errors). Stateless.
/// </summary>
internal static class StatusMapping
{
    public static RpcStatus OfHttp(int status)
    {
        var code = status switch
        {
            400 => RpcStatusCode.Internal,
            401 => RpcStatusCode.Unauthenticated,
            403 => RpcStatusCode.PermissionDenied,
            404 => RpcStatusCode.Unimplemented,
            429 or 502 or 503 or 504 => RpcStatusCode.Unavailable,
            _ => RpcStatusCode.Unknown,
        };
        return new(code, string.Create(CultureInfo.InvariantCulture, $"the answer is HTTP {status} without a status"));
    }

    public static RpcStatusCode OfReset(long errorCode) => errorCode switch
    {
        7 => RpcStatusCode.Unavailable, // REFUSED_STREAM
        8 => RpcStatusCode.Cancelled, // CANCEL
        11 => RpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        12 => RpcStatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => RpcStatusCode.Internal,
    };

    /// <summary>
    /// The status of <c>grpc-status</c> and <c>grpc-message</c>; a number without a meaning is Unknown.
    /// </summary>
    public static RpcStatus Read(string? status, string? message)
    {
        if (!int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return new(RpcStatusCode.Unknown, $"the answer's grpc-status is no number: {status}");
        var code = number <= (int)RpcStatusCode.Unauthenticated ? (RpcStatusCode)number : RpcStatusCode.Unknown;
        return new(code, message is null ? "" : StatusMessage.Decode(message));
    }
}
