using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway;
using AgentRuntime.Node;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// <c>./tests/bench retain</c>: agents whose tools take a while between their calls, beside clients with prompts that
/// nobody repeats, on a simulated node that has not room for all; through the router, which says when the agents come
/// back, or does not. The two settings in turns.
/// </summary>
internal sealed class RetainBenchmark : IBenchmark
{
    private const int Agents = 12;
    private const int Calls = 6;
    private const int Others = 8;
    private const int Rounds = 2;
    private const int OutputTokens = 20;

    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan NextCall = TimeSpan.FromSeconds(3);

    public string Name => "retain";

    private static WorkIdentity Identity { get; } = new(
        TenantId.New(TimeProvider.System), "acme", ProjectId.New(TimeProvider.System), "demo", "key:bench");

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        if (args.Length > 0) throw new ArgumentException("retain takes nothing");
        Seen with = new(), without = new();
        for (var round = 1; round <= Rounds; round++)
        {
            await RoundAsync(round, null, without, cancellationToken);
            await RoundAsync(round, NextCall, with, cancellationToken);
        }

        return new JsonObject
        {
            ["cached_share"] = Math.Round(with.CachedShare, 3),
            ["cached_share_without"] = Math.Round(without.CachedShare, 3),
            ["ttft_ratio"] = Math.Round(with.Agents.Average() / without.Agents.Average(), 3),
            ["others_ttft_ratio"] = Math.Round(with.Others.Average() / without.Others.Average(), 3),
            ["calls"] = with.Agents.Count + without.Agents.Count,
        };
    }

    private static async Task RoundAsync(int seed, TimeSpan? next, Seen seen, CancellationToken cancellationToken)
    {
        await using var node = await NodeServer.StartAsync(new()
        {
            ModelPath = "", ModelName = "m", ContextTokens = 8192, ParallelSequences = 16, KvPoolTokens = 24_000,
            Simulation = new() { PrefillMicrosecondsPerToken = 30 },
        }, TimeProvider.System, cancellationToken: cancellationToken);
        await using var router = new EngineRouter(
            new() { Engines = [new("node", node.Address, EngineKind.Node)] }, TimeProvider.System);
        await router.StartAsync(cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(RoundTime);
        Random Draw(int client) => new((seed * 100) + client);
        var agents = Enumerable.Range(0, Agents).Select(i => AgentAsync(Draw(i), router, next, seen, end.Token));
        var others = Enumerable.Range(50, Others).Select(i => OtherAsync(Draw(i), router, seen, end.Token));
        await Task.WhenAll([.. agents, .. others]);
        Console.Error.WriteLine(
            $"{(next is null ? "untold" : "told"),-6} cached {seen.CachedShare:0.000}, first token of agents "
            + $"{seen.Agents.Average():0} ms, of others {seen.Others.Average():0} ms");
    }

    private static async Task AgentAsync(
        Random random, EngineRouter router, TimeSpan? next, Seen seen, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var messages = new JsonArray(Message("system", random, 200));
            for (var call = 1; call <= Calls && !stopping.IsCancellationRequested; call++)
            {
                messages.Add(Message("user", random, 60));
                var (usage, timings) = await AskAsync(router, messages, call < Calls ? next : null);
                if (call > 1) seen.Add(usage, timings);
                messages.Add(Message("assistant", random, 2));
                await WaitAsync(random.Next(500, 2000));
            }
        }
    }

    private static async Task OtherAsync(Random random, EngineRouter router, Seen seen, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var (_, timings) = await AskAsync(router, new JsonArray(Message("user", random, 400)), null);
            seen.Others.Add(timings.TimeToFirstToken.TotalMilliseconds);
            await WaitAsync(-300 * Math.Log(1 - random.NextDouble()));
        }
    }

    private static async Task<(InferenceUsage Usage, InferenceTimings Timings)> AskAsync(
        EngineRouter router, JsonArray messages, TimeSpan? next)
    {
        var body = new JsonObject { ["model"] = "m", ["messages"] = messages.DeepClone(), ["ignore_eos"] = true };
        var request = new InferenceRequest(
            Identity, "m", InferenceOperation.Chat, Encoding.UTF8.GetBytes(body.ToJsonString()), OutputTokens)
        {
            NextCallExpectedIn = next,
        };
        InferenceChunk? last = null;
        await foreach (var chunk in router.GenerateAsync(request, CancellationToken.None)) last = chunk;
        return (last!.Usage!, last.Timings!);
    }

    private static Task WaitAsync(double milliseconds) =>
        Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, CancellationToken.None);

    private static JsonObject Message(string role, Random random, int words) => new()
    {
        ["role"] = role,
        ["content"] = string.Join(' ', Enumerable.Range(0, words).Select(_ => $"word{random.Next(10_000)}")),
    };

    /// <summary>What calls showed; times in milliseconds.</summary>
    private sealed class Seen
    {
        private readonly ConcurrentBag<double> _cached = [];

        public ConcurrentBag<double> Agents { get; } = [];

        public ConcurrentBag<double> Others { get; } = [];

        public double CachedShare => _cached.Average();

        public void Add(InferenceUsage usage, InferenceTimings timings)
        {
            _cached.Add(usage.CachedPrompt.Value / (double)usage.Prompt.Value);
            Agents.Add(timings.TimeToFirstToken.TotalMilliseconds);
        }
    }
}
