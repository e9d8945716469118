using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// Reason codes as gRPC statuses; the code itself travels in the trailer <c>x-agentruntime-code</c>. The one table.
/// Stateless.
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
        return new(new RpcStatus(code, message), new RpcMetadata().Add(CodeTrailer, error.Code.ToString()));
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
}
