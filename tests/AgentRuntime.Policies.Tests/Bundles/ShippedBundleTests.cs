using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class ShippedBundleTests
{
    [Theory]
    [InlineData("demo", 12)]
    [InlineData("desk", 16)]
    public void A_shipped_bundle_passes_its_own_tests(string name, int tests)
    {
        var report = BundleFolder.Test(Path.Combine(Repository.Root, "policies", "bundles", name));

        Assert.Empty(report.Problems.Select(p => p.ToString()));
        Assert.Empty(report.Tests.Where(t => !t.Passed).Select(t => $"{t.Where} {t.Name}: {t.Failure}"));
        Assert.Equal(tests, report.Passed);
    }
}
