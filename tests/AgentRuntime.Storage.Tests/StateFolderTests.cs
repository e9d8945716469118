using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

public sealed class StateFolderTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("agentruntime-folder-");

    private string Path => System.IO.Path.Combine(_parent.FullName, "deep", "state");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void One_platform_at_a_time_works_in_a_folder()
    {
        using (StateFolder.Take(Path))
        {
            var e = Assert.Throws<RuntimeErrorException>(() => StateFolder.Take(Path));
            Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
            Assert.Contains("Another platform", e.Error.Message, StringComparison.Ordinal);
            Assert.Contains("--state", e.Error.Action, StringComparison.Ordinal);
        }

        StateFolder.Take(Path).Dispose();
    }

    [Fact]
    public async Task A_process_that_is_killed_lets_go_of_it()
    {
        using var holder = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, ["exec", typeof(StateFolderTests).Assembly.Location, "hold", Path])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        Assert.Equal("held", await holder.StandardOutput.ReadLineAsync());
        Assert.Throws<RuntimeErrorException>(() => StateFolder.Take(Path));
        holder.Kill();
        await holder.WaitForExitAsync();
        StateFolder.Take(Path).Dispose();
    }

    [Fact]
    public void Only_its_owner_may_look_into_a_folder_that_is_made()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var folder = StateFolder.Take(Path);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void A_folder_that_cannot_be_used_is_a_storage_error()
    {
        var e = Assert.Throws<RuntimeErrorException>(() => StateFolder.Take("/proc/agentruntime"));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        Assert.DoesNotContain("Another platform", e.Error.Message, StringComparison.Ordinal);
    }
}
