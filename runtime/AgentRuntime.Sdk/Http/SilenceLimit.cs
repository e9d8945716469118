namespace AgentRuntime.Sdk.Http;

/// <summary>
/// How long the platform may be silent: three of the signs of life that it gives on a quiet event stream, by default
/// one in 15 s. Thread-safe.
/// </summary>
internal sealed class SilenceLimit(TimeProvider time)
{
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(45);

    /// <summary>Waits for what the platform says.</summary>
    /// <exception cref="HttpIOException">It said nothing for too long.</exception>
    public async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> wait, CancellationToken cancellationToken)
    {
        using var silent = new CancellationTokenSource(Longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silent.Token);
        try
        {
            return await wait(either.Token);
        }
        catch (Exception e) when (silent.IsCancellationRequested && !cancellationToken.IsCancellationRequested
            && e is OperationCanceledException or IOException)
        {
            throw new HttpIOException(
                HttpRequestError.ResponseEnded, $"the platform said nothing for {Longest.TotalSeconds} s", e);
        }
    }
}
