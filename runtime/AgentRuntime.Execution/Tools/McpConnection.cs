using ModelContextProtocol.Client;

namespace AgentRuntime.Execution;

/// <summary>
/// A connected client that many calls share. One that is given up takes no new calls and ends with the last of those
/// that it has: what broke one call must not break the others. Thread-safe.
/// </summary>
internal sealed class McpConnection(McpClient client, TimeProvider time)
{
    /// <summary>How long a server has to take note of the end of its session.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private int _calls;
    private bool _givenUp;

    public McpClient Client => client;

    public bool IsGivenUp
    {
        get
        {
            lock (_lock)
                return _givenUp;
        }
    }

    /// <summary>Lets a call in, which must leave; false when the connection was given up.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (!_givenUp)
                _calls++;
            return !_givenUp;
        }
    }

    /// <summary>A call has returned.</summary>
    public ValueTask LeaveAsync()
    {
        bool last;
        lock (_lock)
        {
            _calls--;
            last = _givenUp && _calls == 0;
        }

        return last ? EndAsync() : default;
    }

    /// <summary>Takes no new calls, and ends at once when there are none.</summary>
    public ValueTask GiveUpAsync()
    {
        bool last;
        lock (_lock)
        {
            last = !_givenUp && _calls == 0;
            _givenUp = true;
        }

        return last ? EndAsync() : default;
    }

    /// <summary>Ends it whatever is under way, which fails.</summary>
    public async ValueTask EndAsync()
    {
        try
        {
            await client.DisposeAsync().AsTask().WaitAsync(Farewell, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Nobody waits for a server that does not answer; it ends the session by itself one day.
        }
    }
}
