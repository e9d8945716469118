using System.Diagnostics;

namespace AgentRuntime.Benchmarks;

/// <summary>
/// Rounds of a measurement on a machine that others use too: one in which they took more than a tenth of the cores is
/// repeated while there is time, and only the calmest are kept. Ratios are made within a round.
/// </summary>
/// <param name="Wanted">Rounds that are kept.</param>
/// <param name="AtLeast">Rounds that are run however long they take.</param>
/// <param name="AtMost">When no round begins any more.</param>
internal sealed record CalmRounds(int Wanted, int AtLeast, TimeSpan AtMost)
{
    private const double Calm = 0.1;

    /// <param name="round">Measures once; its argument counts from 0.</param>
    /// <param name="tell">A line for standard error about what came.</param>
    /// <returns>What the calm rounds measured, or the calmest <see cref="AtLeast"/> if fewer were calm.</returns>
    public async Task<IReadOnlyList<T>> RunAsync<T>(Func<int, Task<T>> round, Func<T, string> tell)
    {
        var rounds = new List<(double Others, T Value)>();
        var clock = Stopwatch.StartNew();
        while (rounds.Count(r => r.Others <= Calm) < Wanted && (rounds.Count < AtLeast || clock.Elapsed < AtMost))
        {
            var before = MachineLoad.Now();
            var value = await round(rounds.Count);
            var others = MachineLoad.Now().OthersSince(before);
            rounds.Add((others, value));
            await Console.Error.WriteLineAsync($"{tell(value)}; others took {others:P0} of the cores");
        }

        var calm = rounds.Count(r => r.Others <= Calm);
        return [.. rounds.OrderBy(r => r.Others).Take(Math.Max(calm, AtLeast)).Select(r => r.Value)];
    }
}
