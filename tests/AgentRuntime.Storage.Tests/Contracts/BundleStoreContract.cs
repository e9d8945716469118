using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every <see cref="IBundleStore"/> does, whatever stands behind it.</summary>
public abstract class BundleStoreContract : IAsyncLifetime
{
    private readonly CancellationToken _ct = CancellationToken.None;

    protected abstract IBundleStore Bundles { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_bundle_takes_the_place_of_the_one_before()
    {
        var (a, b) = (Given.Tenant(1), Given.Tenant(2));
        await Bundles.PutAsync(a, BundleDigest.Of([1]), Files("old"), _ct);
        await Bundles.PutAsync(b, BundleDigest.Of([2]), Files("theirs"), _ct);
        await Bundles.PutAsync(a, BundleDigest.Of([3]), Files("new \" \n ü"), _ct);
        var kept = await Bundles.ListAsync(_ct);
        Assert.Equal(2, kept.Count);
        var mine = Assert.Single(kept, k => k.Tenant == a);
        Assert.Equal(BundleDigest.Of([3]), mine.Digest);
        Assert.Equal(Files("new \" \n ü"), mine.Files);
    }

    private static Dictionary<string, string> Files(string text) =>
        new() { ["bundle.yaml"] = text, ["policies/tools.cedar"] = "permit(principal, action, resource);" };
}
