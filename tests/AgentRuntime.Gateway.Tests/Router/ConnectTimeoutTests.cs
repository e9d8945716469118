using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>A connection that is not made in time ends as if somebody had cancelled it, and nobody has.</summary>
public class ConnectTimeoutTests
{
    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task An_engine_to_which_no_connection_is_made_in_time_is_out_of_reach(string scheme)
    {
        // Shorter than any connection takes.
        var options = new EngineRouterOptions { ConnectTimeout = TimeSpan.FromTicks(1) };
        using var client = new EngineClient(options, TimeProvider.System);
        var descriptor = new EngineDescriptor("a", new Uri($"{scheme}://127.0.0.1:1"), EngineKind.Vllm);
        var body = """{"model":"m","messages":[{"role":"user","content":"x"}]}"""u8.ToArray();
        Func<Engine, Task>[] calls =
        [
            e => client.OpenAsync(e, InferenceOperation.Chat, body, "r", textForChat: false, CancellationToken.None),
            e => client.PrefillAsync(e, InferenceOperation.Chat, body, "r", CancellationToken.None),
            e => client.TokenizeAsync(e, body, "r", CancellationToken.None),
            .. scheme == "grpc"
                ? (Func<Engine, Task>[])[] // no embeddings
                : [e => client.EmbedAsync(e, body, "r", CancellationToken.None)],
        ];

        foreach (var call in calls)
        {
            var engine = new Engine(descriptor, new CircuitBreaker(1, TimeSpan.FromHours(1), TimeProvider.System));
            engine.Observe(EngineHealth.Unknown with { Healthy = true });
            var failure = await Assert.ThrowsAsync<EngineFailure>(() => call(engine));
            failure.CountAgainst(engine, default);

            Assert.Equal(ReasonCodes.EngineUnreachable, failure.Error.Code);
            Assert.Equal((false, false), (engine.Health.Healthy, engine.Circuit.IsClosed));
        }
    }
}
