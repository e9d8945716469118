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

    private void Write(string path, string text)
    {
        var file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
