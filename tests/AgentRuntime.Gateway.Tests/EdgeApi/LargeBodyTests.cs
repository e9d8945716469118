using System.Collections.Concurrent;
using System.Net;
using System.Text;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway.Tests;

/// <summary>What large requests may take from others.</summary>
public class LargeBodyTests
{
    private const int Large = 100_000;

    [Theory]
    [InlineData(Large, false)]
    [InlineData(1_000, true)]
    public async Task A_large_body_is_read_on_no_thread_that_serves(int chars, bool onPool)
    {
        await using var edge = await EdgeHarness.StartAsync([]);
        var context = new DefaultHttpContext();
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes($"\"{new string('x', chars)}\""));
        bool? read = null;

        await Task.Run(() => Assert.ThrowsAsync<RuntimeErrorException>(
            () => edge.Service<InferenceEndpoint>().HandleAsync(
                context,
                edge.Ports.Acme,
                InferenceOperation.Chat,
                body =>
                {
                    read = Thread.CurrentThread.IsThreadPoolThread;
                    return body;
                },
                (_, _, _, _, _) => Task.CompletedTask,
                CancellationToken.None)));

        Assert.Equal(onPool, read);
    }

    [Fact]
    public async Task A_tenants_large_prompts_are_tokenized_one_after_the_other()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        using var tokenizer = new HeldTokenizer();
        await using var harness = await RouterHarness.StartAsync([engine], o => o with
        {
            PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Vocabulary },
            Tokenizers = new Dictionary<string, IPromptTokenizer> { ["m"] = tokenizer },
        });

        var large = Enumerable.Range(0, 4)
            .Select(i => harness.AskAsync(RouterHarness.Chat(new string((char)('a' + i), Large)))).ToArray();
        await Eventually.BecomesTrueAsync(() => tokenizer.Threads.Count == 1);
        await harness.AskAsync();
        Assert.All(large, l => Assert.False(l.IsCompleted));
        tokenizer.GoOn.Set();
        await Task.WhenAll(large);

        Assert.Equal((1, 4), (tokenizer.MostAtOnce, tokenizer.Threads.Count));
        Assert.All(tokenizer.Threads, thread => Assert.False(thread));
    }

    [Fact]
    public async Task Bytes_that_a_tenant_has_in_hand_are_bounded_until_their_requests_end()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Answer = async (context, body) =>
        {
            if (context.Request.ContentLength > Large)
                await goOn.Task;
            await engine.AnswerWithWordsAsync(context, body);
        };
        await using var edge = await EdgeHarness.StartAsync([engine], new EdgeOptions
        {
            MaxInferenceBytes = 5 * Large / 2, MaxInferenceBytesPerTenant = 3 * Large / 2,
        });
        var first = AskLargeAsync(edge, Large);
        await Eventually.BecomesTrueAsync(() => engine.Seen.Count == 1);

        using var second = await AskLargeAsync(edge, Large);
        using var small = await edge.ChatAsync();
        edge.UseKey(MemoryPorts.GlobexKey);
        var others = AskLargeAsync(edge, Large);
        await Eventually.BecomesTrueAsync(() => engine.Seen.Count == 3);
        using var beyond = await AskLargeAsync(edge, Large * 14 / 10);
        goOn.SetResult();

        Assert.Equal("AR6004", await EdgeHarness.OpenAiErrorAsync(second, HttpStatusCode.TooManyRequests));
        Assert.NotNull(second.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, small.StatusCode);
        Assert.Equal("AR6004", await EdgeHarness.OpenAiErrorAsync(beyond, HttpStatusCode.TooManyRequests));
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await others).StatusCode);
        await Eventually.SucceedsAsync(async () =>
        {
            using var again = await AskLargeAsync(edge, Large);
            if (!again.IsSuccessStatusCode)
                throw new RuntimeErrorException(new RuntimeError(ReasonCodes.ConcurrencyQuota, "not yet given back"));
        });
    }

    [Fact]
    public async Task A_large_input_of_a_run_waits_for_its_tenants_turn_and_its_bytes_count_meanwhile()
    {
        await using var edge = await EdgeHarness.StartAsync([], new EdgeOptions
        {
            MaxInferenceBytesPerTenant = 3 * Large / 2,
        });
        var bodies = edge.Service<JsonBodies>();
        using var goOn = new ManualResetEventSlim();
        var before = edge.Service<LargeBodies>().DoAsync(
            edge.Ports.Acme.Tenant,
            () =>
            {
                goOn.Wait();
                return true;
            },
            CancellationToken.None);

        var large = ReadAsync(Large);
        var small = await ReadAsync(10);
        var beyond = await Assert.ThrowsAsync<RuntimeErrorException>(() => ReadAsync(Large));
        Assert.False(large.IsCompleted);
        goOn.Set();

        Assert.Equal(10, small.Input.Length);
        Assert.Equal(ReasonCodes.ConcurrencyQuota, beyond.Error.Code);
        Assert.Equal(Large, (await large).Input.Length);
        Assert.True(await before);
        Assert.Equal(Large, (await ReadAsync(Large)).Input.Length);

        Task<StartRunBody> ReadAsync(int chars)
        {
            var context = new DefaultHttpContext();
            context.Request.Body = new MemoryStream(
                Encoding.UTF8.GetBytes($$"""{"input":"{{new string('x', chars)}}"}"""));
            return bodies.ReadAsync<StartRunBody>(context, edge.Ports.Acme, 1 << 20, CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_large_input_starts_its_run()
    {
        await using var edge = await EdgeHarness.StartAsync([]);

        using var response = await edge.PostAsync(
            "v1/agents/triage/runs", $$"""{"input":"{{new string('x', Large)}}"}""");

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(Large, Assert.Single(edge.Ports.Runs.Started).Input.Length);
    }

    [Fact]
    public void Bytes_in_hand_over_all_tenants_are_bounded()
    {
        var bytes = new BodyBytes(total: 250, perTenant: 150);
        using var one = bytes.Enter(RouterHarness.Identity("one").Tenant);
        using var other = bytes.Enter(RouterHarness.Identity("other").Tenant);

        Assert.Null(one.GrowTo(150));
        Assert.Null(other.GrowTo(100));
        Assert.Equal(ReasonCodes.ConcurrencyQuota, one.GrowTo(151)?.Code);
        Assert.Equal(ReasonCodes.Saturated, other.GrowTo(101)?.Code);
        one.Dispose();

        Assert.Null(other.GrowTo(150));
    }

    private static Task<HttpResponseMessage> AskLargeAsync(EdgeHarness edge, int chars) => edge.PostAsync(
        "v1/chat/completions",
        $$"""{"model":"m","messages":[{"role":"user","content":"{{new string('x', chars)}}"}]}""");

    /// <summary>Keeps large prompts until it may go on.</summary>
    private sealed class HeldTokenizer : IPromptTokenizer, IDisposable
    {
        private int _atOnce;

        public ManualResetEventSlim GoOn { get; } = new();

        /// <summary>For each large prompt, whether it was tokenized on a thread of the pool.</summary>
        public ConcurrentQueue<bool> Threads { get; } = new();

        public int MostAtOnce { get; private set; }

        public int[] Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body)
        {
            if (body.Length < Large)
                return [1];

            MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _atOnce));
            Threads.Enqueue(Thread.CurrentThread.IsThreadPoolThread);
            GoOn.Wait();
            Interlocked.Decrement(ref _atOnce);
            return [1];
        }

        public void Dispose() => GoOn.Dispose();
    }
}
