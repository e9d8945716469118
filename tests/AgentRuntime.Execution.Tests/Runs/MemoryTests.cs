using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>What agents keep from one run to the next, over the real store.</summary>
public sealed class MemoryTests
{
    [Fact]
    public async Task What_one_run_keeps_another_finds()
    {
        await using var host = await StartAsync();
        await host.RunAsync(async (_, guest) => await SetAsync(guest, "a", "from the first run"));

        var (run, events) = await host.RunAsync(async (_, guest) =>
            $"{await GetAsync(guest, "a")}, {await GetAsync(guest, "b")}, {await ListAsync(guest)}");

        Assert.Equal("from the first run, none, a", run.Output);
        var done = events.OfType<MemoryCompleted>().ToList();
        Assert.Equal(["get a", "get b", "list_keys "], done.Select(d => $"{d.Operation} {d.Key}"));
        Assert.Equal([true, false, null], done.Select(d => d.Found));
        Assert.Equal(3, host.Policy.Settled.Count(s => s == ("notes", CallOutcome.Succeeded)) - 1);
    }

    [Fact]
    public async Task A_refusal_of_policy_changes_nothing_and_is_heard()
    {
        await using var host = await StartAsync();
        host.Policy.Rule = call => call.Action == PolicyAction.WriteMemory
            ? ScriptedPolicy.Deny(ReasonCodes.DefaultDeny)
            : new Decision(Verdict.Allow, null, BundleDigest.Of([1]));

        var (run, events) = await host.RunAsync(async (_, guest) =>
            $"{await SetAsync(guest, "a", "1")}, {await GetAsync(guest, "a")}");

        Assert.Equal("AR2002, none", run.Output);
        var refused = Assert.Single(events.OfType<MemoryRefused>());
        Assert.Equal(("set", "notes", "a", "AR2002"), (
            refused.Operation, refused.Bucket, refused.Key, refused.Error.Code));
    }

    [Fact]
    public async Task Policy_is_asked_with_the_bucket_and_the_key()
    {
        await using var host = await StartAsync();
        var asked = new List<string>();
        host.Policy.Rule = call =>
        {
            asked.Add($"{call.Action} {call.Resource} {call.Arguments.GetRawText()}");
            return new Decision(Verdict.Allow, null, BundleDigest.Of([1]));
        };

        await host.RunAsync(async (_, guest) =>
        {
            await SetAsync(guest, "k\"ey", "1");
            await guest.CallAsync(Ask(MemoryOperation.Delete, "a"));
            await guest.CallAsync(Ask(MemoryOperation.Exists, "a"));
            return await ListAsync(guest);
        });

        Assert.Equal(
            [
                "WriteMemory notes {\"key\":\"k\\u0022ey\"}", "WriteMemory notes {\"key\":\"a\"}",
                "ReadMemory notes {\"key\":\"a\"}", "ReadMemory notes {}",
            ],
            asked);
    }

    [Theory]
    [InlineData("", "x", "notes", "AR7009")]
    [InlineData("long", "x", "notes", "AR7009")]
    [InlineData("a", "more than the thirty bytes of a value", "notes", "AR7009")]
    [InlineData("a", "x", "other", "AR2002")]
    [InlineData("a", "x", "", "AR7009")]
    public async Task What_no_bucket_takes_is_refused_with_its_code(
        string key, string value, string bucket, string code)
    {
        await using var host = await StartAsync();
        var asked = new HostCall.Memory(
            MemoryOperation.Set,
            bucket,
            key == "long" ? new string('é', 129) : key,
            Encoding.UTF8.GetBytes(value),
            null);

        var (run, _) = await host.RunAsync(async (_, guest) => Said(await guest.CallAsync(asked)));

        Assert.Equal(code, run.Output);
    }

    [Fact]
    public async Task A_full_bucket_refuses_and_takes_again_what_fits()
    {
        await using var host = await StartAsync();

        var (run, _) = await host.RunAsync(async (_, guest) =>
        {
            var said = new List<string>();
            for (var key = 'a'; key <= 'c'; key++) said.Add(await SetAsync(guest, $"{key}", "1"));
            said.Add(Said(await guest.CallAsync(Ask(MemoryOperation.Delete, "a"))));
            said.Add(await SetAsync(guest, "c", "1"));
            return string.Join(' ', said);
        });

        Assert.Equal("changed changed AR7008 changed changed", run.Output);
    }

    [Fact]
    public async Task A_bucket_refuses_what_the_tenants_buckets_together_have_no_room_for()
    {
        await using var host = await StartAsync(new() { MaxMemory = new(4) });

        var (run, events) = await host.RunAsync(async (_, guest) =>
            $"{await SetAsync(guest, "a", "123")} {await SetAsync(guest, "b", "")} {await SetAsync(guest, "a", "1")}");

        Assert.Equal("changed AR7008 changed", run.Output);
        Assert.Contains(
            "all its buckets together", Assert.Single(events.OfType<MemoryRefused>()).Error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_restart_a_run_reads_what_it_read_and_changes_nothing_twice()
    {
        await using var host = await StartAsync();
        var (entered, resume) = (new TaskCompletionSource(), new TaskCompletionSource());
        await host.DeployAsync("agent", async (_, guest) =>
        {
            var first = await GetAsync(guest, "a");
            await SetAsync(guest, "a", "mine");
            entered.TrySetResult();
            await resume.Task;
            return $"{first}, {await GetAsync(guest, "a")}";
        });
        var run = await host.StartRunAsync("agent");
        await entered.Task;
        await host.StopWorkersAsync();

        // Another run changes the same key while this one is down.
        Assert.Equal(
            MemoryOutcome.Made,
            await host.Memory.ApplyAsync(
                new(host.Caller.Tenant, RunId.New(TimeProvider.System), 1, Notes, "a", "hers"u8.ToArray()), default));
        host.Restart();
        resume.SetResult();
        host.Work();

        var (ended, events) = await host.EndAsync(run);

        Assert.Equal("none, hers", ended.Output);
        Assert.Equal(["get", "set", "get"], events.OfType<MemoryCompleted>().Select(m => m.Operation));
    }

    [Fact]
    public async Task A_run_that_asks_for_another_key_when_replayed_is_ended()
    {
        await using var host = await StartAsync();
        var entered = new TaskCompletionSource();
        await host.DeployAsync("agent", async (_, guest) =>
        {
            await SetAsync(guest, "a", "1");
            entered.TrySetResult();
            return await new TaskCompletionSource<string>().Task;
        });
        var run = await host.StartRunAsync("agent");
        await entered.Task;
        await host.StopWorkersAsync();
        host.Restart();
        await host.DeployAsync("agent", async (_, guest) => await SetAsync(guest, "a", "2"));
        host.Work();

        Assert.Equal(ReasonCodes.RunInterrupted, (await host.EndAsync(run)).Run.Error!.Code);
    }

    [Fact]
    public async Task A_long_key_is_cut_between_characters_so_that_its_refusal_reads_back_as_it_was()
    {
        await using var host = await StartAsync();

        var (ended, events) = await host.RunThroughRestartAsync(guest => SetAsync(
            guest, new string('k', 255) + string.Concat(Enumerable.Repeat("😀", 300)), "1"));

        Assert.Equal("AR7009", ended.Output);
        Assert.Equal(new string('k', 255), Assert.Single(events.OfType<MemoryRefused>()).Key);
    }

    [Fact]
    public async Task Where_nothing_is_kept_every_call_is_refused()
    {
        await using var host = await StartAsync();
        host.KeepsMemory = false;
        await host.StopWorkersAsync();
        host.Restart();
        host.Work();

        var (run, _) = await host.RunAsync(async (_, guest) => await SetAsync(guest, "a", "1"));

        Assert.Equal("AR2002", run.Output);
    }

    private static MemoryBucket Notes { get; } = new("notes") { MaxKeys = 2, MaxValueBytes = new(30) };

    private static async Task<RunHost> StartAsync(StorageLimits? limits = null)
    {
        var host = await RunHost.StartAsync(limits: limits);
        host.Policy.Tenant = new TenantPolicy(new QuotaLimits(), [], [])
        {
            Memory = [Notes],
        };
        return host;
    }

    private static HostCall.Memory Ask(MemoryOperation operation, string key, string value = "") =>
        new(operation, "notes", key, Encoding.UTF8.GetBytes(value), null);

    private static async Task<string> SetAsync(ScriptedGuest guest, string key, string value) =>
        Said(await guest.CallAsync(Ask(MemoryOperation.Set, key, value)));

    private static async Task<string> GetAsync(ScriptedGuest guest, string key) =>
        Said(await guest.CallAsync(Ask(MemoryOperation.Get, key)));

    private static async Task<string> ListAsync(ScriptedGuest guest) =>
        Said(await guest.CallAsync(Ask(MemoryOperation.ListKeys, "")));

    private static string Said(HostCallResult result) => result switch
    {
        HostCallResult.MemoryChanged => "changed",
        HostCallResult.MemoryFound found => found.Found ? "yes" : "no",
        HostCallResult.MemoryValue { Value: { } value } => Encoding.UTF8.GetString(value.Span),
        HostCallResult.MemoryValue => "none",
        HostCallResult.MemoryKeys page => string.Join(',', page.Keys),
        HostCallResult.Refused refused => refused.Error.Code.ToString(),
        _ => throw new InvalidOperationException(result.ToString()),
    };
}
