using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Sends what was written of a stream. A client that takes nothing for <paramref name="patience"/> while something
/// waits for it loses its connection: until then it holds a place in an engine that others wait for. Thread-safe.
/// </summary>
internal sealed class ClientFlush(TimeSpan patience, TimeProvider time)
{
    /// <summary>Sends, and then waits for what is under way meanwhile, whose result it gives.</summary>
    /// <param name="context">Whose response is written.</param>
    /// <param name="next">What is under way; it has ended when this throws, so that its source can be disposed.</param>
    /// <param name="cancellationToken">Ends both.</param>
    /// <exception cref="StreamBrokenException">The client took nothing, and its connection is gone.</exception>
    public ValueTask<bool> FlushAsync(HttpContext context, ValueTask<bool> next, CancellationToken cancellationToken)
    {
        var flush = context.Response.BodyWriter.FlushAsync(cancellationToken);
        if (!flush.IsCompletedSuccessfully)
            return WaitAsync(flush.AsTask(), context, next);

        _ = flush.Result;
        return next;
    }

    private async ValueTask<bool> WaitAsync(Task<FlushResult> flush, HttpContext context, ValueTask<bool> next)
    {
        var result = next.AsTask();
        try
        {
            await flush.WaitAsync(patience, time);
        }
        catch (TimeoutException e)
        {
            context.Abort();
            await EndAsync(result);
            throw new StreamBrokenException(new OperationCanceledException("the client took nothing", e));
        }
        catch
        {
            await EndAsync(result);
            throw;
        }

        return await result;
    }

    private static async Task EndAsync(Task<bool> next)
    {
        await Task.WhenAny(next);
        _ = next.Exception;
    }
}
