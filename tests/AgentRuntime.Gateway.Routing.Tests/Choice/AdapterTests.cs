using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Routing.Tests;

/// <summary>LoRA adapters in the pool of their base model.</summary>
public class AdapterTests
{
    [Fact]
    public void An_engine_that_has_the_adapter_loaded_is_preferred_to_others_that_could_load_it()
    {
        var f = Serving(4, "sql");
        f.Core.ReportLoras(f.Engines[2], ["sql"]);

        for (var i = 0; i < 4; i++)
            Assert.Equal(f.Engines[2], Decide(f, "sql").Prefill);
    }

    [Fact]
    public void Loading_it_elsewhere_is_cheaper_than_a_long_wait()
    {
        var f = Serving(2, "sql");
        f.Core.ReportLoras(f.Engines[0], ["sql"]);
        Load(f, f.Engines[0], seconds: 0.2);
        Assert.Equal(f.Engines[0], Decide(f, "sql").Prefill);

        Load(f, f.Engines[0], seconds: 20);
        Assert.Equal(f.Engines[1], Decide(f, "sql").Prefill);
    }

    [Fact]
    public void An_engine_without_the_adapter_is_never_chosen_however_idle_it_is()
    {
        var f = new CoreFixture(null, CoreFixture.Named(3));
        f.Core.SetServed(f.Engines[1], servesBase: true, ["sql"], f.Now);
        Load(f, f.Engines[1], seconds: 1000);

        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(f.Engines[1], Decide(f, "sql").Prefill);
            Assert.NotEqual(f.Engines[1], Decide(f, null).Prefill);
        }
    }

    [Fact]
    public void Neither_leg_of_a_pair_goes_where_the_adapter_is_not()
    {
        var f = new CoreFixture(
            new() { Disaggregation = DisaggregationMode.Always },
            new("p0", "m") { Roles = EngineRoles.Prefill },
            new("p1", "m") { Roles = EngineRoles.Prefill },
            new("d2", "m") { Roles = EngineRoles.Decode },
            new EngineDescription("d3", "m") { Roles = EngineRoles.Decode });
        f.Core.SetServed(f.Engines[1], servesBase: true, ["sql"], f.Now);
        Assert.Equal(RouteKind.Refused, Decide(f, "sql").Kind);

        f.Core.SetServed(f.Engines[3], servesBase: true, ["sql"], f.Now);
        for (var i = 0; i < 4; i++)
        {
            var choice = Decide(f, "sql");
            Assert.Equal((f.Engines[1], f.Engines[3]), (choice.Prefill, choice.Decode));
        }
    }

    [Fact]
    public void Engines_that_offer_adapters_only_get_no_request_for_the_base()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Core.SetServed(f.Engines[0], servesBase: false, ["sql"], f.Now);

        Assert.Equal(RouteKind.Refused, Decide(f, null).Kind);
        Assert.Equal(f.Engines[0], Decide(f, "sql").Prefill);
    }

    [Fact]
    public void Load_of_the_base_model_counts_for_its_adapters()
    {
        var f = Serving(2, "sql");
        f.Core.ReportLoras(f.Engines[0], ["sql"]);
        f.Core.ReportLoras(f.Engines[1], ["sql"]);
        for (var i = 0; i < 8; i++)
        {
            f.Core.Submit(Request(f, null) with { Avoid = f.Engines[1], PromptTokens = 50_000 }, f.Now);
            while (f.Core.TryTake(f.Now, out _))
            {
            }
        }

        for (var i = 0; i < 4; i++)
            Assert.Equal(f.Engines[1], Decide(f, "sql").Prefill);
    }

    [Fact]
    public void What_was_sent_last_is_believed_to_be_loaded_up_to_what_the_engine_holds()
    {
        var f = Serving(2, "a", "b", "c");
        f.Core.ReportLoras(f.Engines[0], [], capacity: 2);
        f.Core.ReportLoras(f.Engines[1], [], capacity: 2);
        Send(f, "a", f.Engines[1]);
        Send(f, "b", f.Engines[1]);
        Assert.Equal(f.Engines[0], Decide(f, "a").Prefill);
        Assert.Equal(f.Engines[0], Decide(f, "b").Prefill);

        // The third takes the place of the first.
        Send(f, "c", f.Engines[1]);
        Send(f, "a", f.Engines[0]);
        Assert.Equal(f.Engines[1], Decide(f, "a").Prefill);
        Assert.Equal(f.Engines[0], Decide(f, "c").Prefill);
    }

    [Fact]
    public void An_engine_with_a_free_place_is_preferred_to_one_whose_places_are_all_at_work()
    {
        var f = Serving(2, "a", "b", "c");
        f.Core.ReportLoras(f.Engines[0], ["a", "b"], capacity: 2);
        f.Core.ReportLoras(f.Engines[1], ["a"], capacity: 2);

        for (var i = 0; i < 4; i++)
            Assert.Equal(f.Engines[1], Decide(f, "c").Prefill);
    }

    [Fact]
    public void A_restarted_engine_has_nothing_loaded()
    {
        var f = Serving(2, "sql");
        f.Core.ReportLoras(f.Engines[0], ["sql"]);
        f.Core.EngineRestarted(f.Engines[0]);
        f.Core.ReportLoras(f.Engines[1], ["sql"]);

        for (var i = 0; i < 4; i++)
            Assert.Equal(f.Engines[1], Decide(f, "sql").Prefill);
    }

    [Fact]
    public void What_waits_for_an_engine_that_unloads_the_adapter_goes_elsewhere_or_is_refused()
    {
        var f = Serving(1, "sql");
        f.Core.Submit(Request(f, null) with { PromptTokens = 100_000 }, f.Now);
        Assert.Equal(f.Engines[0], f.Take().Prefill);
        f.Core.Submit(Request(f, "sql"), f.Now);
        Assert.True(f.IsIdle);

        f.Core.SetServed(f.Engines[0], servesBase: true, [], f.Now);

        var refused = f.Take();
        Assert.Equal((RouteKind.Refused, ReasonCodes.NoEngine), (refused.Kind, refused.Reason));
    }

    [Fact]
    public void A_failed_engine_is_replaced_by_another_that_has_the_adapter()
    {
        var f = new CoreFixture(null, CoreFixture.Named(4));
        f.Core.SetServed(f.Engines[0], servesBase: true, ["sql"], f.Now);
        f.Core.SetServed(f.Engines[3], servesBase: true, ["sql"], f.Now);
        f.Core.Submit(Request(f, "sql"), f.Now);
        var first = f.Take();
        f.Core.SetHealth(first.Decode, EngineHealth.Down, f.Now);
        f.Core.Requeue(first.Ticket, RouteFailure.DecodeEngineDied, 0, f.Now);

        Assert.Equal(first.Decode == f.Engines[0] ? f.Engines[3] : f.Engines[0], f.Take().Decode);
    }

    [Fact]
    public void Hundreds_of_adapters_are_told_apart()
    {
        var f = new CoreFixture(null, CoreFixture.Named(3));
        string[][] held = [[], [], []];
        for (var i = 0; i < 600; i++)
            held[i % 3] = [.. held[i % 3], $"adapter-{i}"];
        for (var e = 0; e < 3; e++)
            f.Core.SetServed(f.Engines[e], servesBase: true, held[e], f.Now);

        for (var i = 0; i < 600; i++)
            Assert.Equal(f.Engines[i % 3], Decide(f, $"adapter-{i}").Prefill);
    }

    [Fact]
    public void Numbers_of_adapters_that_nobody_has_are_used_again_and_those_in_use_never()
    {
        var f = new CoreFixture(null, CoreFixture.Named(1));
        f.Core.SetServed(f.Engines[0], servesBase: true, ["kept", "going"], f.Now);
        f.Core.Submit(Request(f, "going"), f.Now);
        var underWay = f.Take();
        f.Core.SetServed(f.Engines[0], servesBase: true, ["kept"], f.Now);
        var (kept, going) = (f.Core.LoraOf(1, "kept"), f.Core.LoraOf(1, "going"));
        HashSet<int> numbers = [];
        for (var i = 0; i < 70_000; i++)
            numbers.Add(f.Core.LoraOf(1, $"gone-{i}"));

        Assert.DoesNotContain(kept, numbers);
        Assert.DoesNotContain(going, numbers);
        Assert.DoesNotContain(0, numbers);
        Assert.InRange(numbers.Max(), 60_000, 65_536);
        Assert.Equal(kept, f.Core.LoraOf(1, "kept"));
        Assert.Equal(f.Engines[0], Decide(f, "kept").Prefill);
        f.Finish(underWay, prompt: 100, output: 1);
        numbers.Clear();
        for (var i = 0; i < 3; i++)
            numbers.Add(f.Core.LoraOf(1, $"new-{i}"));
        Assert.Contains(going, numbers);
    }

    private static CoreFixture Serving(int engines, params string[] adapters)
    {
        var f = new CoreFixture(null, CoreFixture.Named(engines));
        foreach (var engine in f.Engines)
            f.Core.SetServed(engine, servesBase: true, adapters, f.Now);
        return f;
    }

    private static RouteRequest Request(CoreFixture f, string? adapter) => new()
    {
        Pool = 1, Tenant = f.Tenant("a"), PromptTokens = 100, ExpectedOutputTokens = 10,
        Lora = f.Core.LoraOf(1, adapter),
    };

    private static Assignment Decide(CoreFixture f, string? adapter) => f.Core.Decide(Request(f, adapter), f.Now);

    /// <summary>Has an engine report work of so many seconds that came from elsewhere.</summary>
    private static void Load(CoreFixture f, EngineRef engine, double seconds)
    {
        f.Core.ReportLoad(engine, new(0, 0, 0), f.Now);
        var each = 1000 / new PredictionPrior().PrefillTokensPerSecond;
        f.Core.ReportLoad(engine, new((int)Math.Ceiling(seconds / each), 0, 0), f.Now);
    }

    /// <summary>Sends a request for the adapter to any engine but one, and ends it.</summary>
    private static void Send(CoreFixture f, string adapter, EngineRef avoid)
    {
        f.Core.Submit(Request(f, adapter) with { Avoid = avoid }, f.Now);
        var taken = f.Take();
        f.Now += 0.01;
        f.Finish(taken, prompt: 100, output: 1);
    }
}
