using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

public sealed class DemoBundleTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "policies", "bundles", "demo");

    [Fact]
    public void The_demo_bundle_validates()
    {
        Assert.Empty(BundleFolder.Validate(Folder).Problems);
    }

    [Fact]
    public void The_demo_bundle_passes_its_own_tests()
    {
        var report = BundleFolder.Test(Folder);

        Assert.Empty(report.Problems);
        Assert.Empty(report.Tests.Where(t => !t.Passed).Select(t => $"{t.Where} {t.Name}: {t.Failure}"));
        Assert.True(report.Passed >= 11);
    }
}
