using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="IBundleStore"/> does, whatever stands behind it.</summary>
public abstract class BundleStoreContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);

    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract IBundleStore Bundles { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_bundle_takes_the_place_of_the_one_before()
    {
        var (a, b) = (Given.Tenant(1), Given.Tenant(2));
        await PutAsync(a, 1, "old");
        await PutAsync(b, 2, "theirs");
        await PutAsync(a, 3, "new \" \n ü");

        var kept = await Bundles.ListAsync(_ct);

        Assert.Equal(2, kept.Count);
        var mine = Assert.Single(kept, k => k.Tenant == a);
        Assert.Equal((BundleDigest.Of([3]), 2), (mine.Digest, mine.Version));
        Assert.Equal(Files("new \" \n ü"), mine.Files);
    }

    [Fact]
    public async Task Every_version_says_when_it_was_made_by_whom_and_why()
    {
        var tenant = Given.Tenant(1);
        await PutAsync(tenant, 1, "one");
        await PutAsync(tenant, 2, "two");
        await PutAsync(Given.Tenant(2), 9, "theirs");
        var again = await PutAsync(tenant, 1, "one", "rollback to 1");

        var history = await Bundles.HistoryAsync(tenant, _ct);

        Assert.Equal([3, 2, 1], history.Select(v => v.Version));
        Assert.Equal(again, history[0]);
        Assert.Equal(new BundleOrigin(Noon, "key:key_1", "rollback to 1"), history[0].Origin);
        Assert.Equal(BundleDigest.Of([1]), history[2].Digest);
        Assert.Empty(await Bundles.HistoryAsync(Given.Tenant(3), _ct));
    }

    [Fact]
    public async Task A_version_is_found_by_number_and_by_content()
    {
        var tenant = Given.Tenant(1);
        await PutAsync(tenant, 1, "one");
        await PutAsync(tenant, 2, "two");
        await PutAsync(tenant, 1, "one");

        Assert.Equal(Files("two"), (await Bundles.FindAsync(tenant, 2, _ct))!.Files);
        Assert.Equal(3, (await Bundles.FindAsync(tenant, BundleDigest.Of([1]), _ct))!.Version);
        Assert.Null(await Bundles.FindAsync(tenant, 4, _ct));
        Assert.Null(await Bundles.FindAsync(tenant, BundleDigest.Of([4]), _ct));
        Assert.Null(await Bundles.FindAsync(Given.Tenant(2), 1, _ct));
        Assert.Null(await Bundles.FindAsync(Given.Tenant(2), BundleDigest.Of([1]), _ct));
    }

    [Fact]
    public async Task Old_versions_go_and_what_a_shadow_needs_stays()
    {
        var tenant = Given.Tenant(1);
        await PutAsync(tenant, 1, "first");
        await Bundles.PutShadowAsync(new(tenant, BundleDigest.Of([2]), Files("shadow")), Origin("shadow"), _ct);
        for (var i = 0; i < IBundleStore.MaxVersions; i++)
            await PutAsync(tenant, (byte)(i + 10), $"{i}");

        var history = await Bundles.HistoryAsync(tenant, _ct);

        Assert.Equal(IBundleStore.MaxVersions, history.Count);
        Assert.Equal((IBundleStore.MaxVersions + 1, 2), (history[0].Version, history[^1].Version));
        Assert.Null(await Bundles.FindAsync(tenant, 1, _ct));
        Assert.Null(await Bundles.FindAsync(tenant, BundleDigest.Of([1]), _ct));
        Assert.Equal(Files("shadow"), Assert.Single(await Bundles.ListShadowsAsync(_ct)).Bundle.Files);
    }

    [Fact]
    public async Task A_tenant_has_one_shadow_until_it_ends()
    {
        var (a, b) = (Given.Tenant(1), Given.Tenant(2));
        await Bundles.PutShadowAsync(new(a, BundleDigest.Of([1]), Files("one")), Origin("shadow"), _ct);
        await Bundles.PutShadowAsync(new(b, BundleDigest.Of([1]), Files("theirs")), Origin("shadow"), _ct);
        await Bundles.PutShadowAsync(new(a, BundleDigest.Of([2]), Files("two")), Origin("shadow"), _ct);
        await Bundles.RemoveShadowAsync(b, _ct);
        await Bundles.RemoveShadowAsync(Given.Tenant(3), _ct);

        var shadow = Assert.Single(await Bundles.ListShadowsAsync(_ct));

        Assert.Equal((a, BundleDigest.Of([2]), 0), (shadow.Bundle.Tenant, shadow.Bundle.Digest, shadow.Bundle.Version));
        Assert.Equal(Files("two"), shadow.Bundle.Files);
        Assert.Equal(Origin("shadow"), shadow.Origin);
        Assert.Empty(await Bundles.ListAsync(_ct));
    }

    [Fact]
    public async Task Versions_that_are_made_at_once_have_numbers_of_their_own()
    {
        var tenant = Given.Tenant(1);

        var made = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => PutAsync(tenant, (byte)i, $"{i}").AsTask()));

        Assert.Equal(Enumerable.Range(1, 8), made.Select(v => v.Version).Order());
        var newest = (await Bundles.HistoryAsync(tenant, _ct))[0];
        Assert.Equal(newest.Digest, Assert.Single(await Bundles.ListAsync(_ct)).Digest);
    }

    private ValueTask<BundleVersion> PutAsync(TenantId tenant, byte content, string text, string cause = "apply") =>
        Bundles.PutAsync(new(tenant, BundleDigest.Of([content]), Files(text)), Origin(cause), _ct);

    private static BundleOrigin Origin(string cause) => new(Noon, "key:key_1", cause);

    private static Dictionary<string, string> Files(string text) =>
        new() { ["bundle.yaml"] = text, ["policies/tools.cedar"] = "permit(principal, action, resource);" };
}
