using System.Runtime.Versioning;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

/// <summary>A folder is read whole or refused: what was left out of it could be a forbid.</summary>
public sealed class BundleFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("agentruntime-bundle-").FullName;

    public BundleFolderTests() => Write("bundle.yaml", "name: x");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_file_is_read_however_deep_it_lies_but_hidden_ones()
    {
        Write("1/2/3/4/5/6/7/8/9/10/deep.md", "deep");
        Write(".git/config", "hidden");
        Write("policies/.draft.cedar", "hidden");

        Assert.Equal(
            ["1/2/3/4/5/6/7/8/9/10/deep.md", "bundle.yaml"],
            BundleFolder.Read(_folder).Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("policies/forbid.cedar", false)]
    [InlineData("policies", true)]
    public void A_link_in_it_refuses_it(string path, bool isFolder)
    {
        var target = Directory.CreateTempSubdirectory("agentruntime-target-");
        try
        {
            var link = Path.Combine(_folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(link)!);
            if (isFolder)
                Directory.CreateSymbolicLink(link, target.FullName);
            else
                File.CreateSymbolicLink(link, Path.Combine(target.FullName, "nowhere.cedar"));

            var error = Assert.Throws<RuntimeErrorException>(() => BundleFolder.Read(_folder)).Error;

            Assert.Equal(ReasonCodes.UnreadableFile, error.Code);
            Assert.Contains($"'{path}' is a link", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            target.Delete(recursive: true);
        }
    }

    [Fact]
    public void Links_that_stay_in_it_are_followed_as_kubernetes_mounts_a_config_map()
    {
        File.Delete(Path.Combine(_folder, "bundle.yaml"));
        Write("..2026_01_01/bundle.yaml", "name: y");
        Write("..2026_01_01/policies/forbid.cedar", "forbid (principal, action, resource);");
        Link("..data", "..2026_01_01");
        Link("bundle.yaml", "..data/bundle.yaml");
        Link("policies", "..data/policies");
        Link("README.md", Path.Combine(_folder, "..data", "..", "..data", "bundle.yaml"));

        var files = BundleFolder.Read(_folder);

        Assert.Equal(
            [
                ("README.md", "name: y"),
                ("bundle.yaml", "name: y"),
                ("policies/forbid.cedar", "forbid (principal, action, resource);"),
            ],
            files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => (f.Key, f.Value)));
        var mount = Path.Combine(_folder, "..mount");
        Directory.CreateSymbolicLink(mount, _folder);
        Assert.Equal(files, BundleFolder.Read(mount));
    }

    [Theory]
    [InlineData("a.md", "/etc/hostname", "out of the folder")]
    [InlineData("a.md", "../a.md", "out of the folder")]
    [InlineData("a.md", "..data/hostname", "out of the folder")]
    [InlineData("policies", "..", "out of the folder")]
    [InlineData("policies", ".", "round in circles")]
    [InlineData("policies", "..loop", "more than 40 links")]
    [InlineData("a.md", "nowhere.md", "nowhere.md")]
    public void Links_that_lead_elsewhere_refuse_it(string link, string target, string expected)
    {
        Link("..data", "/etc");
        Link("..loop", "..loop");
        Link(link, target);

        var error = Assert.Throws<RuntimeErrorException>(() => BundleFolder.Read(_folder)).Error;

        Assert.Equal(ReasonCodes.UnreadableFile, error.Code);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void A_folder_in_it_that_may_not_be_read_is_never_left_out()
    {
        Write("policies/forbid.cedar", "forbid (principal, action, resource);");
        var policies = Path.Combine(_folder, "policies");
        File.SetUnixFileMode(policies, UnixFileMode.None);
        try
        {
            // The superuser reads it all the same.
            if (Environment.IsPrivilegedProcess)
                Assert.Contains("policies/forbid.cedar", BundleFolder.Read(_folder).Keys);
            else
                Assert.Equal(
                    ReasonCodes.UnreadableFile,
                    Assert.Throws<RuntimeErrorException>(() => BundleFolder.Read(_folder)).Error.Code);
        }
        finally
        {
            File.SetUnixFileMode(
                policies, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private void Link(string path, string target) => File.CreateSymbolicLink(Path.Combine(_folder, path), target);

    private void Write(string path, string text)
    {
        var file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
