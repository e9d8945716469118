using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// Reason codes as gRPC statuses; the code itself travels in the trailer <c>x-agentruntime-code</c>. The one table, in
/// both directions. Stateless.
/// </summary>
internal static class RpcRefusal
{
    public const string CodeTrailer = "x-agentruntime-code";

    public static RpcException Of(RuntimeError error)
    {
        var code = error.Code.Number switch
        {
            1003 => RpcStatusCode.ResourceExhausted,
            1004 or 1010 or 4006 => RpcStatusCode.InvalidArgument,
            1005 or 1008 or 4012 => RpcStatusCode.NotFound,
            4007 or 4009 => RpcStatusCode.Unavailable,
            4011 => RpcStatusCode.FailedPrecondition,
            _ => RpcStatusCode.Internal,
        };
        var message = error.Action is null ? error.Message : $"{error.Message}. {error.Action}";
        return Of(error.Code, code, message);
    }

    /// <summary>A refusal whose status is another than that of its reason code over all.</summary>
    public static RpcException Of(ReasonCode code, RpcStatusCode status, string message) =>
        new(new RpcStatus(status, message), Trailers(code));

    public static RpcMetadata Trailers(ReasonCode code) => new RpcMetadata().Add(CodeTrailer, code.ToString());

    /// <summary>
    /// Adds the reason code to a status that has none: what the protocol refuses before a method has seen it, a
    /// deadline, the node's end, a bug. Over HTTP the same has the same code.
    /// </summary>
    public static void AddCode(RpcStatus status, RpcMetadata trailers)
    {
        if (trailers.Text(CodeTrailer) is not null) return;
        var code = status.Code switch
        {
            RpcStatusCode.ResourceExhausted => ReasonCodes.BodyTooLarge,
            RpcStatusCode.InvalidArgument or RpcStatusCode.Internal => ReasonCodes.MalformedRequest,
            RpcStatusCode.Unimplemented => ReasonCodes.UnsupportedParameter,
            RpcStatusCode.NotFound => ReasonCodes.NotFound,
            RpcStatusCode.DeadlineExceeded or RpcStatusCode.Cancelled => ReasonCodes.EngineTimeout,
            _ => ReasonCodes.EngineFailed,
        };
        trailers.Add(CodeTrailer, code.ToString());
    }

    /// <summary>Runs a method; what it refuses becomes a status.</summary>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> run)
    {
        try
        {
            return await run();
        }
        catch (RuntimeErrorException e)
        {
            throw Of(e.Error);
        }
    }

    /// <summary>As the other, for a method whose answers are a stream.</summary>
    public static async Task GuardAsync(Func<Task> run)
    {
        try
        {
            await run();
        }
        catch (RuntimeErrorException e)
        {
            throw Of(e.Error);
        }
    }
}
