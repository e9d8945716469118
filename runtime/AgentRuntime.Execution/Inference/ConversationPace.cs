using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Learns of each agent how soon one of its runs asks the model again, so that engines can be told how long its KV
/// state is still wanted. The bound is that of a retransmission timer (RFC 6298): the smoothed time and four times its
/// smoothed deviation. Thread-safe.
/// </summary>
internal sealed class ConversationPace
{
    /// <summary>A run that takes longer than this has, for a cache, not come back.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>Agents that are remembered; any one makes room for the next.</summary>
    internal const int MostAgents = 4_096;

    // Two calls in five that are followed by another are worth a place that the other three hold for nothing.
    private const double LeastShare = 0.4;

    private readonly ConcurrentDictionary<AgentId, Pace> _paces = [];

    internal int Agents => _paces.Count;

    /// <summary>
    /// A run asks the model, this long after it asked before (null for its first time). Returns within what time it is
    /// expected to ask again; null when unknown or not likely.
    /// </summary>
    public TimeSpan? Asks(AgentId agent, TimeSpan? sinceLast)
    {
        if (sinceLast is { } time)
            Learn(agent, time <= Longest ? time : null);
        if (!_paces.TryGetValue(agent, out var pace))
            return null;
        lock (pace)
            return pace.Expect(LeastShare);
    }

    /// <summary>A run that had asked ended without asking again.</summary>
    public void Ended(AgentId agent) => Learn(agent, null);

    private void Learn(AgentId agent, TimeSpan? followedAfter)
    {
        if (!_paces.TryGetValue(agent, out var pace))
        {
            if (_paces.Count >= MostAgents)
                _paces.TryRemove(_paces.First());
            pace = _paces.GetOrAdd(agent, static _ => new Pace());
        }

        lock (pace)
            pace.Learn(followedAfter);
    }

    private sealed class Pace
    {
        private double? _share;
        private double? _mean;
        private double _deviation;

        public void Learn(TimeSpan? followedAfter)
        {
            var followed = followedAfter is null ? 0 : 1;
            _share = _share is { } share ? share + ((followed - share) / 8) : followed;
            if (followedAfter is not { TotalSeconds: var seconds })
                return;
            if (_mean is not { } mean)
            {
                (_mean, _deviation) = (seconds, seconds / 2);
                return;
            }

            _deviation += (Math.Abs(seconds - mean) - _deviation) / 4;
            _mean = mean + ((seconds - mean) / 8);
        }

        public TimeSpan? Expect(double leastShare)
        {
            if (_mean is not { } mean || _share < leastShare)
                return null;
            var bound = TimeSpan.FromSeconds(mean + (4 * _deviation));
            return bound <= Longest ? bound : Longest;
        }
    }
}
