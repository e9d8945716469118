namespace AgentRuntime.Sandboxes.Core;

/// <summary>
/// A value that is made when it is first asked for, once for all that ask meanwhile. Unlike that of a
/// <see cref="Lazy{T}"/>, a failure is told to those alone that waited for it: the next to ask tries again.
/// Thread-safe.
/// </summary>
/// <param name="make">Makes it.</param>
public sealed class MadeOnce<T>(Func<T> make)
    where T : class
{
    private Lazy<T> _attempt = new(make);

    /// <summary>The value if it is there; null before.</summary>
    public T? IfMade => Volatile.Read(ref _attempt) is { IsValueCreated: true } made ? made.Value : null;

    /// <summary>The value; throws what making it throws.</summary>
    public T Value
    {
        get
        {
            var attempt = Volatile.Read(ref _attempt);
            try
            {
                return attempt.Value;
            }
            catch
            {
                Interlocked.CompareExchange(ref _attempt, new Lazy<T>(make), attempt);
                throw;
            }
        }
    }
}
