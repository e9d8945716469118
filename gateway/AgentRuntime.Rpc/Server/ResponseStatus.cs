using System.Globalization;
using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Metadata;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Rpc.Server;

/// <summary>Writes how a call ended: as trailers, or as headers when nothing was sent before. Stateless.</summary>
internal static class ResponseStatus
{
    /// <summary>Trailers-Only (PROTOCOL-HTTP2, Responses): one block of headers that ends the stream.</summary>
    private static void TrailersOnly(HttpContext context, RpcStatus status, RpcMetadata trailers)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-accept-encoding"] = MessageCoding.Accepted;
        Write(context.Response.Headers, status, trailers);
    }

    /// <summary>Ends a response whose headers may have been sent.</summary>
    public static void End(HttpContext context, RpcStatus status, RpcMetadata trailers)
    {
        if (!context.Response.HasStarted)
        {
            TrailersOnly(context, status, trailers);
            return;
        }

        var headers = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseTrailersFeature>()?.Trailers;
        if (headers is not null && !headers.IsReadOnly) Write(headers, status, trailers);
    }

    /// <summary>Refuses a request that no method has seen.</summary>
    public static void Refuse(HttpContext context, RpcStatus status, RpcServerOptions options)
    {
        var trailers = new RpcMetadata();
        options.OnFailure?.Invoke(status, trailers);
        TrailersOnly(context, status, trailers);
    }

    private static void Write(IHeaderDictionary headers, RpcStatus status, RpcMetadata trailers)
    {
        headers["grpc-status"] = ((int)status.Code).ToString(CultureInfo.InvariantCulture);
        if (status.Message.Length > 0) headers["grpc-message"] = StatusMessage.Encode(status.Message);
        foreach (var entry in trailers) headers.Append(entry.Name, entry.Encoded);
    }
}
