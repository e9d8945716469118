using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Xunit;

namespace AgentRuntime.TestKit;

/// <summary>
/// A private PostgreSQL server over a folder of its own, on a Unix socket only. Debian keeps its binaries out of the
/// path; PostgreSQL refuses to run as root, so root hands it to the <c>postgres</c> user.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    public const string NotInstalled = "skipped: PostgreSQL is not installed";
    private static readonly string? Binaries = FindBinaries();
    private DirectoryInfo? _folder;
    private int _databases;

    /// <summary>Whether the server runs; false where PostgreSQL is not installed.</summary>
    public bool IsAvailable => _folder is not null;

    public async Task InitializeAsync()
    {
        if (Binaries is null || OperatingSystem.IsWindows())
            return;
        var folder = Directory.CreateTempSubdirectory("arpg-");
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)0b111_111_111);
        var data = Path.Combine(folder.FullName, "data");
        await RunAsync("initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync");
        await ControlAsync(folder, "start");
        _folder = folder;
    }

    /// <summary>Stops the server as a crash does, and starts it again: every connection is lost.</summary>
    public Task RestartAsync() => ControlAsync(_folder!, "-m", "immediate", "restart");

    public async Task DisposeAsync()
    {
        if (_folder is null)
            return;
        await RunAsync("pg_ctl", "-D", Path.Combine(_folder.FullName, "data"), "-m", "immediate", "stop");
        _folder.Delete(recursive: true);
    }

    /// <summary>The connection string of a new, empty database.</summary>
    public async Task<string> NewDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"db{Interlocked.Increment(ref _databases)}");
        await using var admin = NpgsqlDataSource.Create(ConnectionString("postgres"));
        await using var command = admin.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    private static Task ControlAsync(DirectoryInfo folder, params string[] what) => RunAsync(
    [
        "pg_ctl", "-D", Path.Combine(folder.FullName, "data"), "-w", "-l", Path.Combine(folder.FullName, "log"),
        "-o", $"-k {folder.FullName} -c listen_addresses= -c shared_buffers=16MB", .. what,
    ]);

    private string ConnectionString(string database) =>
        $"Host={_folder!.FullName};Username=test;Database={database};Pooling=true;Maximum Pool Size=8";

    private static string? FindBinaries() =>
        OperatingSystem.IsLinux() && Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal)
                .Select(d => Path.Combine(d, "bin")).LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;

    private static async Task RunAsync(params string[] line)
    {
        var (path, arguments) = (Path.Combine(Binaries!, line[0]), line[1..]);
        var start = Environment.UserName == "root"
            ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", path, .. arguments])
            : new ProcessStartInfo(path, arguments);
        start.WorkingDirectory = "/";
        start.UseShellExecute = false;
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{path} ended with {process.ExitCode}");
    }
}
