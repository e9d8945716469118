using System.Text;
using AgentRuntime.Abstractions;
using static AgentRuntime.Gateway.Tests.RouterHarness;

namespace AgentRuntime.Gateway.Tests;

public class DiscoveryTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task Engines_come_go_and_change_with_the_file_and_streams_end_in_peace()
    {
        var file = Path.GetTempFileName();
        try
        {
            await using var a = await ScriptedEngine.StartAsync("a");
            await using var b = await ScriptedEngine.StartAsync("b");
            var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            a.Answer = async (context, body) =>
            {
                await goOn.Task;
                await a.AnswerWithWordsAsync(context, body);
            };
            await using var harness = await StartAsync([]);
            await File.WriteAllTextAsync(file, FileOf(("a", a)));
            await using var discovery = new EngineDiscovery(harness.Router, new FileEngineSource(file));
            await discovery.StartAsync(Often, TimeProvider.System, CancellationToken.None);
            var underWay = harness.AskAsync();
            await Eventually.BecomesTrueAsync(() => a.Seen.Count == 1);

            await File.WriteAllTextAsync(file, FileOf(("b", b)));
            await Eventually.BecomesTrueAsync(
                () => harness.Router.Engines.Any(e => e is { Engine.Name: "b", Healthy: true }));
            Assert.Equal("b", (await harness.AskAsync())[0].ServedBy!.DecodeEngine);
            goOn.SetResult();

            Assert.Equal("Hello, world", TextOf(await underWay));
            await Eventually.BecomesTrueAsync(() => harness.Router.Engines.Count == 1);

            await File.WriteAllTextAsync(file, "{ half a fi");
            await File.WriteAllTextAsync(file, FileOf(("b", a)));
            await Eventually.BecomesTrueAsync(
                () => harness.Router.Engines is [{ Healthy: true } only] && only.Engine.BaseAddress == a.Address);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_file_without_an_end_changes_nothing()
    {
        if (!OperatingSystem.IsLinux()) return;
        var before = GC.GetTotalAllocatedBytes();
        var listed = new FileEngineSource("/dev/zero").ListAsync(CancellationToken.None).AsTask();
        Assert.Null(await listed.WaitAsync(TimeSpan.FromSeconds(60)));
        // What other tests take meanwhile is much less than what there is room for in an array.
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 500 << 20);
    }

    [Fact]
    public async Task An_engine_that_is_listed_again_while_it_drains_is_kept()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        a.Answer = async (context, body) =>
        {
            await goOn.Task;
            await a.AnswerWithWordsAsync(context, body);
        };
        await using var harness = await StartAsync([]);
        var source = new ListedEngines { Engines = [a.Descriptor] };
        await using var discovery = new EngineDiscovery(harness.Router, source);
        await discovery.StartAsync(Often, TimeProvider.System, CancellationToken.None);
        var underWay = harness.AskAsync();
        await Eventually.BecomesTrueAsync(() => a.Seen.Count == 1);

        source.Engines = [];
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines[0].Draining);
        source.Engines = [a.Descriptor];
        await Eventually.BecomesTrueAsync(() => !harness.Router.Engines[0].Draining);

        a.Answer = a.AnswerWithWordsAsync;
        Assert.Equal("Hello, world", TextOf(await harness.AskAsync()));
        goOn.SetResult();
        Assert.Equal("Hello, world", TextOf(await underWay));
        Assert.True(Assert.Single(harness.Router.Engines).Healthy);

        source.Engines = [];
        await Eventually.BecomesTrueAsync(() => harness.Router.Engines.Count == 0);
    }

    [Fact]
    public async Task A_look_that_fails_in_an_unforeseen_way_is_not_the_last()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        await using var harness = await StartAsync([]);
        var source = new ListedEngines();
        await using var discovery = new EngineDiscovery(harness.Router, source);
        await discovery.StartAsync(Often, TimeProvider.System, CancellationToken.None);

        source.Failure = new FormatException("unforeseen");
        await Eventually.BecomesTrueAsync(() => source.Failed > 0);
        (source.Engines, source.Failure) = ([a.Descriptor], null);

        await Eventually.BecomesTrueAsync(() => harness.Router.Engines is [{ Healthy: true }]);
    }

    [Fact]
    public async Task A_probe_that_fails_in_an_unforeseen_way_is_not_the_last()
    {
        await using var a = await ScriptedEngine.StartAsync("a");
        a.Models = """{"data":[{"id":"\ud800"}]}""";
        await using var harness = await StartAsync([a]).WaitAsync(Eventually.Patience);
        Assert.False(harness.Router.Engines[0].Healthy);

        a.Models = null;

        await Eventually.BecomesTrueAsync(() => harness.Router.Engines[0].Healthy);
    }

    [Fact]
    public void A_key_may_end_in_a_line_break_as_secrets_do()
    {
        const string variable = "AGENTRUNTIME_TEST_ENGINE_KEY";
        Environment.SetEnvironmentVariable(variable, "secret\n");

        var engine = FileEngineSource.Read(Encoding.UTF8.GetBytes(
            $$"""{"engines":[{"name":"a","url":"http://x","api_key_env":"{{variable}}"}]}"""))[0];

        Assert.Equal("secret", engine.ApiKey);
    }

    [Theory]
    [InlineData("sec\nret")]
    [InlineData("sec\u00e9ret")]
    public async Task A_key_that_no_header_can_carry_is_refused_and_not_shown(string key)
    {
        var engine = new EngineDescriptor("a", new Uri("http://127.0.0.1:1"), EngineKind.Vllm) { ApiKey = key };
        await using var harness = await StartAsync([]);

        var error = await Assert.ThrowsAsync<ArgumentException>(
            () => harness.Router.AddEngineAsync(engine, CancellationToken.None));

        Assert.DoesNotContain("sec", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_address_of_a_dns_name_is_an_engine()
    {
        var template = new EngineDescriptor("pool", new Uri("http://localhost:8000"), EngineKind.Vllm);

        var engines = await new DnsEngineSource(template).ListAsync(CancellationToken.None);

        Assert.Contains(engines!, e => e.BaseAddress.Host == "127.0.0.1" && e.BaseAddress.Port == 8000);
        Assert.All(engines!, e => Assert.Null(EngineRouterOptions.ProblemOf(e)));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_changes_nothing()
    {
        var template = new EngineDescriptor("pool", new Uri("http://nobody.invalid:8000"), EngineKind.Vllm);

        Assert.Null(await new DnsEngineSource(template).ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Engines_that_do_not_answer_are_waited_for_together()
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var probed = 0;
        engine.Probed = async _ =>
        {
            Interlocked.Increment(ref probed);
            await goOn.Task;
        };
        await using var harness = await StartAsync([]);
        var source = new ListedEngines
        {
            Engines = [.. Enumerable.Range(0, 3).Select(i => engine.Descriptor with { Name = $"e-{i}" })],
        };
        await using var discovery = new EngineDiscovery(harness.Router, source);

        var start = discovery.StartAsync(Often, TimeProvider.System, CancellationToken.None);
        await Eventually.BecomesTrueAsync(() => Volatile.Read(ref probed) == 3);
        Assert.False(start.IsCompleted);
        goOn.SetResult();
        await start;

        Assert.All(harness.Router.Engines, e => Assert.True(e.Healthy));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"engines":[{"name":"a"}]}""")]
    [InlineData("""{"engines":[{"name":"a","url":"ftp://x"}]}""")]
    [InlineData("""{"engines":[{"name":"a b","url":"http://x"}]}""")]
    [InlineData("""{"engines":[{"name":"a","url":"http://x","kind":"tgi"}]}""")]
    [InlineData("""{"engines":[{"name":"a","url":"http://x","roles":[]}]}""")]
    [InlineData("""{"engines":[{"name":"a","url":"http://x","api_key_env":"AGENTRUNTIME_NOT_SET"}]}""")]
    public void A_wrong_file_says_so(string json)
    {
        var error = Assert.Throws<RuntimeErrorException>(() => FileEngineSource.Read(Encoding.UTF8.GetBytes(json)));

        Assert.Equal(ReasonCodes.InvalidConfiguration, error.Error.Code);
    }

    private sealed class ListedEngines : IEngineSource
    {
        public IReadOnlyList<EngineDescriptor> Engines { get; set; } = [];

        public Exception? Failure { get; set; }

        public int Failed { get; private set; }

        public ValueTask<IReadOnlyList<EngineDescriptor>?> ListAsync(CancellationToken cancellationToken)
        {
            if (Failure is null)
                return new(Engines);
            Failed++;
            throw Failure;
        }
    }

    private static string FileOf(params (string Name, ScriptedEngine Engine)[] engines) =>
        "{\"engines\":["
        + string.Join(',', engines.Select(e => $$"""{"name":"{{e.Name}}","url":"{{e.Engine.Address}}"}"""))
        + "]}";
}
