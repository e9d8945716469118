using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

/// <summary>KV state that a prefill leg has left and that nobody will fetch is let go at once.</summary>
public sealed class KvReleaseTests : IAsyncLifetime
{
    private const string OtherId = "0123456789abcdef0123456789abcdef";
    private ScriptedEngine _prefill = null!;
    private ScriptedEngine _decode = null!;

    public async Task InitializeAsync()
    {
        _prefill = await ScriptedEngine.StartAsync("p");
        _decode = await ScriptedEngine.StartAsync("d");
    }

    public async Task DisposeAsync()
    {
        await _prefill.DisposeAsync();
        await _decode.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_client_leaves_before_the_first_token_both_engines_hear_of_it(bool begins)
    {
        _decode.Answer = async (context, _) =>
        {
            if (begins)
                await ScriptedEngine.WriteEventAsync(context, _decode.Role());
            await ForeverAsync(context);
        };
        await using var harness = await StartAsync();
        using var leave = new CancellationTokenSource();

        var asking = harness.AskAsync(cancellationToken: leave.Token);
        await Eventually.BecomesTrueAsync(() => !_decode.Seen.IsEmpty);
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await BothHearOfAsync(IdOf(_prefill), harness);
    }

    [Fact]
    public async Task When_the_client_leaves_while_the_answer_of_the_prefill_leg_is_on_its_way_it_is_let_go()
    {
        _prefill.Answer = async (context, _) =>
        {
            var answer = _prefill.PrefillAnswer();
            await context.Response.WriteAsync(answer[..^20]);
            await context.Response.Body.FlushAsync();
            await ForeverAsync(context);
        };
        await using var harness = await StartAsync();
        using var leave = new CancellationTokenSource();

        var asking = harness.AskAsync(cancellationToken: leave.Token);
        await Eventually.BecomesTrueAsync(() => !_prefill.Seen.IsEmpty);
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await BothHearOfAsync(IdOf(_prefill), harness);
        Assert.Empty(_decode.Seen);
    }

    [Theory]
    [InlineData("refuses")]
    [InlineData("is full")]
    [InlineData("dies")]
    [InlineData("says no token")]
    public async Task When_the_decode_engine_does_not_generate_it_is_let_go(string how)
    {
        _decode.Answer = async (context, body) =>
        {
            if (!body.TryGetProperty("kv_transfer_params", out _))
            {
                await _decode.AnswerWithWordsAsync(context, body);
                return;
            }

            if (how is "refuses" or "is full")
            {
                await ScriptedEngine.RefuseAsync(context, how == "refuses" ? 400 : 429);
                return;
            }

            if (how == "says no token")
                await ScriptedEngine.WriteEventAsync(context, _decode.Role());
            context.Abort();
        };
        await using var harness = await StartAsync();

        // Whether one that died is asked again to read the prompt itself is not what this is about.
        var failure = await Record.ExceptionAsync(() => harness.AskAsync());
        if (how is "refuses" or "is full")
            Assert.IsType<RuntimeErrorException>(failure);

        await Eventually.BecomesTrueAsync(() => _prefill.Released.Count == _prefill.Seen.Count);
        Assert.Equal(
            _prefill.Seen.Select(s => KvIdOf(s.Body)).Order(), _prefill.Released.Select(r => r.Id).Order());
        await AllLeaveAsync(harness);
    }

    [Fact]
    public async Task What_was_fetched_is_not_let_go_by_the_router()
    {
        await using (var harness = await StartAsync())
        {
            Assert.Equal(new ServedBy("p", "d"), (await harness.AskAsync())[0].ServedBy);
            await AllLeaveAsync(harness);
        }

        Assert.Empty(_prefill.Released);
        Assert.Empty(_decode.Released);
        Assert.Matches("^[0-9a-f]{32}$", IdOf(_prefill));
    }

    [Theory]
    [InlineData(OtherId, true)]
    [InlineData("0123456789abcdef0123456789abcde", false)]
    [InlineData("../../v1/models?x=0123456789abcd", false)]
    [InlineData("0123456789abcdef0123456789abcdeg", false)]
    public async Task An_engine_may_name_the_state_but_neither_an_address_nor_what_is_no_id(string named, bool isId)
    {
        _prefill.Answer = (context, _) => _prefill.PrefillAsync(context, kvId: named);
        _decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);
        await using var harness = await StartAsync();

        await harness.RefusedAsync();

        await AllLeaveAsync(harness);
        Assert.Equal(isId ? named : IdOf(_prefill), Assert.Single(_prefill.Released).Id);
        // What an engine calls its state says nothing of another engine's.
        Assert.Equal(isId ? [] : [IdOf(_prefill)], _decode.Released.Select(r => r.Id));
    }

    [Fact]
    public async Task It_is_let_go_with_the_key_that_the_engine_asks_for()
    {
        _decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);
        await using var harness = await StartAsync(e => e with { ApiKey = $"key of {e.Name}" });

        await harness.RefusedAsync();

        await AllLeaveAsync(harness);
        Assert.Equal("Bearer key of p", Assert.Single(_prefill.Released).Authorization);
        Assert.Equal("Bearer key of d", Assert.Single(_decode.Released).Authorization);
    }

    [Fact]
    public async Task Nobody_waits_for_it_but_whoever_drains_the_engine()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _prefill.Release = _ => answer.Task;
        _decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);
        await using var harness = await StartAsync();

        // Refused, although the prefill engine has not answered yet.
        await harness.RefusedAsync();
        await Eventually.BecomesTrueAsync(() => !_prefill.Released.IsEmpty);
        var removing = harness.Router.RemoveEngineAsync("p", CancellationToken.None);
        Assert.False(removing.IsCompleted);
        answer.SetResult();

        Assert.True(await removing);
    }

    [Fact]
    public async Task An_engine_is_not_drained_before_what_it_has_read_was_fetched()
    {
        var fetched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _decode.Answer = async (context, body) =>
        {
            await fetched.Task;
            await _decode.AnswerWithWordsAsync(context, body);
        };
        await using var harness = await StartAsync();
        var asking = harness.AskAsync();
        await Eventually.BecomesTrueAsync(() => !_decode.Seen.IsEmpty);

        var removing = harness.Router.RemoveEngineAsync("p", CancellationToken.None);
        Assert.False(removing.IsCompleted);
        fetched.SetResult();

        Assert.Equal(new ServedBy("p", "d"), (await asking)[0].ServedBy);
        Assert.True(await removing);
    }

    [Fact]
    public async Task An_engine_that_never_answers_is_given_up_and_asked_by_few_at_once()
    {
        const int Requests = 40;
        _prefill.Release = ForeverAsync;
        _decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);
        var time = new SteppedTime();
        await using var harness = await StartAsync(time: time);
        var others = time.TimersDueIn(TimeSpan.FromSeconds(3));

        await Task.WhenAll(Enumerable.Range(0, Requests).Select(i => harness.RefusedAsync(Chat($"{i}"))));
        await Eventually.BecomesTrueAsync(() => _prefill.Released.Count == 16);
        // The three seconds of each have begun.
        await Eventually.BecomesTrueAsync(() => time.TimersDueIn(TimeSpan.FromSeconds(3)) >= others + Requests);
        Assert.Equal(Requests, harness.Router.Engines.Sum(e => e.InFlight) / 2);
        Assert.Equal(16, _prefill.Released.Count);
        time.Advance(TimeSpan.FromSeconds(3));

        // The next engine has three seconds of its own.
        await Eventually.BecomesTrueAsync(() => _decode.Released.Count == Requests);
        await AllLeaveAsync(harness);
    }

    [Fact]
    public async Task An_engine_of_another_kind_is_not_asked()
    {
        _decode.Answer = (context, _) => ScriptedEngine.RefuseAsync(context, 400);
        await using (var harness = await StartAsync(e => e with { Kind = EngineKind.Vllm }))
        {
            await harness.RefusedAsync();
            await AllLeaveAsync(harness);
        }

        Assert.Empty(_prefill.Released);
        Assert.False(Assert.Single(_prefill.Seen).Body.GetProperty("kv_transfer_params")
            .TryGetProperty("remote_request_id", out _));
    }

    private async Task BothHearOfAsync(string id, RouterHarness harness)
    {
        await Eventually.BecomesTrueAsync(() => !_prefill.Released.IsEmpty && !_decode.Released.IsEmpty);
        await AllLeaveAsync(harness);
        Assert.Equal(id, Assert.Single(_prefill.Released).Id);
        Assert.Equal(id, Assert.Single(_decode.Released).Id);
    }

    private static Task AllLeaveAsync(RouterHarness harness) =>
        Eventually.BecomesTrueAsync(() => harness.Router.Engines.All(e => e.InFlight == 0));

    private static Task ForeverAsync(HttpContext context) =>
        Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);

    private static string IdOf(ScriptedEngine prefill) => KvIdOf(prefill.Seen.First().Body);

    private static string KvIdOf(JsonElement body) =>
        body.GetProperty("kv_transfer_params").GetProperty("remote_request_id").GetString()!;

    private Task<RouterHarness> StartAsync(
        Func<EngineDescriptor, EngineDescriptor>? change = null, TimeProvider? time = null)
    {
        EngineDescriptor[] engines =
        [
            _prefill.Descriptor with { Roles = EngineRoles.Prefill, Kind = EngineKind.Node },
            _decode.Descriptor with { Roles = EngineRoles.Decode, Kind = EngineKind.Node },
        ];
        return RouterHarness.StartAsync([], o => o with
        {
            Disaggregation = Disaggregation.Always,
            Engines = [.. engines.Select(change ?? (static e => e))],
            CircuitFailures = 1_000,
        }, time);
    }
}
