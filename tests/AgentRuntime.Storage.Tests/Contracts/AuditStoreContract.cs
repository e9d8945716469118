using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="IAuditStore"/> does, whatever stands behind it.</summary>
public abstract class AuditStoreContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract IAuditStore Audit { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task What_is_kept_is_read_as_it_was_written()
    {
        var decision = new DecisionMade(
            "dec_1", "demo/triage", "key:key_1", "call_tool", "shop/refund", "deny", ["grant:x", "mine \" ü"])
        {
            Arguments = JsonElement.Parse("""{"amount_cents":5,"note":"\u0000"}"""),
            Run = "run_1",
            Call = 3,
            Reason = new("AR2002", "no", "agents.yaml:1:1"),
            Bundle = "abc",
            Errors = ["mine: overflow"],
            Shadow = new("allow", "def", ["p"]),
        };
        var threat = new ThreatFound("probing", "throttle", "demo/triage", "5 denials within 1m")
        {
            Run = "run_1", Until = Noon.AddMinutes(5), Bundle = "abc",
        };
        AuditData[] all =
            [decision, new DecisionSettled("dec_1", "failed"), threat, new PolicyChanged("apply", "k", "b", 2)];
        await Audit.AppendAsync([.. all.Select(d => new AuditEntry(Given.Tenant(1), Noon, d))], 100, _ct);

        var read = await Audit.ReadAsync(Given.Tenant(1), new() { After = 0 }, _ct);

        Assert.Equal(all.Select(Text), read.Select(r => Text(r.Data)));
        Assert.All(read, r => Assert.Equal(Noon, r.At));
    }

    [Fact]
    public async Task What_holds_against_agents_is_kept_however_many_records_come()
    {
        await ThreatAsync("demo/a", "r", minutes: 60);
        await ThreatAsync("demo/b", "r", minutes: 60);
        await ThreatAsync("demo/a", "s", minutes: 1);
        for (var i = 0; i < 50; i++)
            await Audit.AppendAsync([new(Given.Tenant(1), Noon, new DecisionSettled($"dec_{i}", "failed"))], 5, _ct);

        Assert.DoesNotContain(await Audit.ReadAsync(Given.Tenant(1), new(), _ct), r => r.Data is ThreatFound);
        Assert.Equal(["demo/a r", "demo/b r", "demo/a s"], await HoldsAsync());
        Assert.Empty(await Audit.ReadHoldsAsync(Given.Tenant(2), _ct));
    }

    [Fact]
    public async Task What_holds_is_replaced_by_the_same_rule_and_ends_when_it_is_lifted_or_over()
    {
        await ThreatAsync("demo/a", "r", minutes: 60);
        await ThreatAsync("demo/b", "r", minutes: 60);
        await ThreatAsync("demo/a", "s", minutes: 2);
        await ThreatAsync("demo/a", "r", minutes: 90);
        Assert.Equal(["demo/b r", "demo/a s", "demo/a r"], await HoldsAsync());
        var last = (await Audit.ReadHoldsAsync(Given.Tenant(1), _ct))[^1];
        Assert.Equal((Noon, Noon.AddMinutes(90)), (last.At, ((ThreatFound)last.Data).Until));

        await Audit.AppendAsync(
            [new(Given.Tenant(1), Noon, new ThreatFound("", "lift", "demo/b", "lifted") { OfAgent = true })], 100, _ct);
        Assert.Equal(["demo/a s", "demo/a r"], await HoldsAsync());

        await ThreatAsync("demo/c", "r", minutes: 9, at: Noon.AddMinutes(3));
        Assert.Equal(["demo/a r", "demo/c r"], await HoldsAsync());
    }

    [Fact]
    public async Task Records_are_asked_for_by_tenant_kind_time_and_place()
    {
        for (var i = 0; i < 6; i++)
            await Audit.AppendAsync(
                [
                    new(Given.Tenant(1), Noon.AddMinutes(i), new DecisionSettled($"dec_{i}", "failed")),
                    new(Given.Tenant(2), Noon.AddMinutes(i), new DecisionSettled("theirs", "failed")),
                    new(Given.Tenant(1), Noon.AddMinutes(i), new PolicyChanged("apply", "k", "b", i)),
                ],
                100,
                _ct);

        var newest = await Read(new() { Kind = "settled", Limit = 2 });
        var older = await Read(new() { Kind = "settled", Before = newest[^1].Id, Limit = 2 });
        var oldest = await Read(new() { Kind = "settled", After = 0, Limit = 2 });
        var next = await Read(new() { Kind = "settled", After = oldest[^1].Id, Limit = 2 });

        Assert.Equal(["dec_5", "dec_4"], newest.Select(Name));
        Assert.Equal(["dec_3", "dec_2"], older.Select(Name));
        Assert.Equal(["dec_0", "dec_1"], oldest.Select(Name));
        Assert.Equal(["dec_2", "dec_3"], next.Select(Name));
        var late = await Read(new() { Kind = "settled", Since = Noon.AddMinutes(4) });
        Assert.Equal(["dec_5", "dec_4"], late.Select(Name));
        Assert.Equal(12, (await Read(new())).Count);
    }

    [Fact]
    public async Task A_tenant_keeps_its_newest_records()
    {
        await Audit.AppendAsync([new(Given.Tenant(2), Noon, new DecisionSettled("theirs", "failed"))], 5, _ct);
        for (var i = 0; i < 4; i++)
            await Audit.AppendAsync(
                [
                    new(Given.Tenant(1), Noon, new DecisionSettled($"dec_{i * 2}", "failed")),
                    new(Given.Tenant(1), Noon, new DecisionSettled($"dec_{(i * 2) + 1}", "failed")),
                ],
                5,
                _ct);

        Assert.Equal(
            ["dec_3", "dec_4", "dec_5", "dec_6", "dec_7"], (await Read(new() { After = 0 })).Select(Name));
        Assert.Single(await Audit.ReadAsync(Given.Tenant(2), new(), _ct));
    }

    [Fact]
    public async Task A_tenant_keeps_its_newest_records_however_many_come()
    {
        const int keep = 1_000;
        for (var i = 0; i < 300; i++)
            await Audit.AppendAsync(
                [
                    .. Enumerable.Range(i * 10, 10)
                        .Select(n => new AuditEntry(Given.Tenant(1), Noon, new DecisionSettled($"dec_{n}", "failed"))),
                ],
                keep,
                _ct);

        var left = new List<AuditRecord>();
        while (await Read(new() { After = left.Count == 0 ? 0 : left[^1].Id, Limit = 500 }) is { Count: > 0 } page)
            left.AddRange(page);
        // The last are all there, and a hundredth more at most.
        Assert.InRange(left.Count, keep, keep + (keep / 100));
        Assert.Equal(Enumerable.Range(3_000 - left.Count, left.Count).Select(n => $"dec_{n}"), left.Select(Name));
    }

    [Fact]
    public async Task Every_query_agrees_with_a_list()
    {
        for (var seed = 1; seed <= 3; seed++)
            await AgreesWithAListAsync(seed, Given.Tenant(2 * seed), Given.Tenant((2 * seed) + 1));
    }

    /// <summary>An agent must not be able to hide what was decided by the arguments that it sends.</summary>
    [Fact]
    public async Task Arguments_as_deep_as_they_are_read_are_kept()
    {
        const int deepest = 64;
        var arguments = JsonElement.Parse(
            string.Concat(Enumerable.Repeat("{\"a\":", deepest - 1)) + "{}" + new string('}', deepest - 1));
        var decision = new DecisionMade("dec_1", "p/a", "key:k", "call_tool", "t", "deny", [])
        {
            Arguments = arguments,
        };
        await Audit.AppendAsync([new(Given.Tenant(1), Noon, decision)], 100, _ct);

        Assert.Equal(Text(decision), Text(Assert.Single(await Read(new())).Data));
    }

    /// <summary>An agent must not be able to hide what was decided by the arguments that it sends.</summary>
    [Fact]
    public async Task Arguments_that_stand_for_no_text_are_kept_as_they_are_written()
    {
        string[] arguments =
        [
            """{"order_id":"\ud800"}""",
            """{"\udc00":[{"a":"\ud83d\ud83d"}], "b" : 1e400}""",
        ];
        var decision = new DecisionMade("dec_1", "p/a", "key:k", "call_tool", "t", "deny", []);
        foreach (var sent in arguments)
        {
            await Audit.AppendAsync(
                [new(Given.Tenant(1), Noon, decision with { Arguments = JsonElement.Parse(sent) })], 100, _ct);
        }

        var kept = (await Read(new())).Select(r => Assert.IsType<DecisionMade>(r.Data).Arguments!.Value.GetRawText());
        Assert.Equal(arguments.Order(StringComparer.Ordinal), kept.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Text_that_is_no_unicode_is_kept_as_far_as_it_is()
    {
        await Audit.AppendAsync(
            [new(Given.Tenant(1), Noon, new DecisionSettled("dec_\ud800\0", "failed"))], 100, _ct);

        Assert.StartsWith("dec_", Name(Assert.Single(await Read(new()))), StringComparison.Ordinal);
    }

    private async Task AgreesWithAListAsync(int seed, TenantId tenant, TenantId other)
    {
        const int keep = 700;
        var random = new Random(seed);
        var model = new List<(DateTimeOffset At, string Name, string Kind)>();
        for (var i = 0; i < 12; i++)
        {
            var entries = new List<AuditEntry>();
            for (var n = random.Next(1, i % 4 == 0 ? 600 : 40); n > 0; n--)
            {
                var mine = random.Next(3) > 0;
                var name = $"{i}.{n}" + (random.Next(50) == 0 ? new string('x', 20_000) : "");
                AuditData data = random.Next(4) == 0
                    ? new PolicyChanged("apply", name, "b", 1)
                    : new DecisionSettled(name, "failed");
                entries.Add(new(mine ? tenant : other, Noon.AddSeconds((10 * i) + random.Next(20)), data));
                if (mine)
                    model.Add((entries[^1].At, name, data.Kind));
            }

            await Audit.AppendAsync(entries, keep, _ct);
        }

        // What it holds, read in pages: the newest records, and a hundredth more than are to be kept.
        var held = new List<AuditRecord>();
        while (await Audit.ReadAsync(
            tenant, new() { After = held.Count == 0 ? 0 : held[^1].Id, Limit = 97 }, _ct) is { Count: > 0 } page)
            held.AddRange(page);
        Assert.InRange(held.Count, Math.Min(keep, model.Count), keep + (keep / 100));
        Assert.Equal(
            model.TakeLast(held.Count).Select(m => (m.At, m.Kind, m.Name)),
            held.Select(r => (r.At, r.Data.Kind, NameOf(r))));
        Assert.Equal(held.Select(r => r.Id).Order().Distinct(), held.Select(r => r.Id));

        for (var i = 0; i < 60; i++)
        {
            var edge = held[random.Next(held.Count)].Id + random.Next(3) - 1;
            var query = new AuditQuery
            {
                Kind = random.Next(3) switch { 0 => "settled", 1 => "policy", _ => null },
                Since = random.Next(2) == 0 ? Noon.AddSeconds(random.Next(140)) : null,
                After = i % 3 == 0 ? edge : null,
                Before = i % 3 == 1 ? edge : null,
                Limit = random.Next(1, 400),
            };
            var expected = held.Where(r =>
                (query.Kind is null || r.Data.Kind == query.Kind) && (query.Since is null || r.At >= query.Since)
                && (query.After is null || r.Id > query.After) && (query.Before is null || r.Id < query.Before));
            if (query.After is null)
                expected = expected.Reverse();

            var read = await Audit.ReadAsync(tenant, query, _ct);
            Assert.Equal(expected.Take(query.Limit).Select(r => r.Id), read.Select(r => r.Id));
        }
    }

    private async Task<IReadOnlyList<AuditRecord>> Read(AuditQuery query) =>
        await Audit.ReadAsync(Given.Tenant(1), query, _ct);

    private static string Name(AuditRecord record) => ((DecisionSettled)record.Data).Decision;

    private static string NameOf(AuditRecord record) =>
        record.Data is PolicyChanged change ? change.Principal : Name(record);

    private static string Text(AuditData data) => JsonSerializer.Serialize(data, WireJson.Default.AuditData);

    private async Task ThreatAsync(string agent, string rule, int minutes, DateTimeOffset? at = null) =>
        await Audit.AppendAsync(
            [
                new(Given.Tenant(1), at ?? Noon, new ThreatFound(rule, "throttle", agent, "5 denials")
                {
                    OfAgent = true, Until = (at ?? Noon).AddMinutes(minutes), PaceSeconds = 10,
                }),
            ],
            100,
            _ct);

    private async Task<IEnumerable<string>> HoldsAsync() =>
        (await Audit.ReadHoldsAsync(Given.Tenant(1), _ct))
            .Select(r => (ThreatFound)r.Data).Select(t => $"{t.Agent} {t.Rule}");
}
