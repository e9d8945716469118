using System.Globalization;
using System.Runtime.InteropServices;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

public sealed class SqliteDatabaseTests
{
    private delegate IntPtr LibraryVersion();

    [Fact]
    public async Task The_systems_library_is_preferred_where_there_is_one()
    {
        await using var file = new SqliteFile();
        var used = await file.Database.ReadAsync(
            db => (string)db.Scalar("SELECT sqlite_version()")!, CancellationToken.None);
        if (NativeLibrary.TryLoad("libsqlite3.so.0", out var system))
            Assert.Equal(
                Marshal.PtrToStringUTF8(Marshal.GetDelegateForFunctionPointer<LibraryVersion>(
                    NativeLibrary.GetExport(system, "sqlite3_libversion"))()),
                used);
        else
            Assert.StartsWith("3.", used, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_is_in_wal_mode_and_every_commit_is_synced()
    {
        await using var file = new SqliteFile();
        var (mode, synchronous) = await file.Database.WriteAsync(
            db => ((string)db.Scalar("PRAGMA journal_mode")!, (long)db.Scalar("PRAGMA synchronous")!),
            CancellationToken.None);
        Assert.Equal(("wal", 2L), (mode, synchronous));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_a_storage_error()
    {
        var path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, new string('x', 4096));
        var e = Assert.Throws<RuntimeErrorException>(() => SqliteDatabase.Open(path));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
        File.Delete(path);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_a_storage_error()
    {
        var e = Assert.Throws<RuntimeErrorException>(() => SqliteDatabase.Open("/proc/agentruntime/state.db"));
        Assert.Equal(ReasonCodes.StorageFailed, e.Error.Code);
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused_and_left_as_it_is()
    {
        await using var file = new SqliteFile();
        await file.Database.WriteAsync(db => db.Execute("PRAGMA user_version=999"), CancellationToken.None);
        var e = Assert.Throws<RuntimeErrorException>(() => SqliteDatabase.Open(file.Path));
        Assert.Contains("999", e.Error.Message, StringComparison.Ordinal);
        Assert.Equal(
            999L, await file.Database.ReadAsync(db => (long)db.Scalar("PRAGMA user_version")!, CancellationToken.None));
    }

    [Fact]
    public async Task A_full_disk_is_told_loses_nothing_and_is_over_when_there_is_space()
    {
        await using var file = new SqliteFile();
        async Task<string> CommandAsync(string text) => await file.Database.WriteAsync(
            db => $"{db.Scalar(text)}", CancellationToken.None);
        async Task WriteAsync(int bytes) => await file.Database.WriteAsync(
            db => db.Execute("INSERT INTO t VALUES (zeroblob($bytes))", ("$bytes", bytes)), CancellationToken.None);
        await CommandAsync("CREATE TABLE t (x BLOB)");
        await WriteAsync(10);
        var pages = int.Parse(
            await CommandAsync("PRAGMA page_count"), System.Globalization.CultureInfo.InvariantCulture);

        // As a disk on which so much has room: SQLite undoes the whole transaction by itself.
        await CommandAsync($"PRAGMA max_page_count={pages + 4}");
        var error = (await Assert.ThrowsAsync<RuntimeErrorException>(() => WriteAsync(1 << 20))).Error;
        Assert.Equal(
            (ReasonCodes.StorageFailed, "The store failed: SQLite error 13, there is no space left."),
            (error.Code, error.Message));
        await WriteAsync(20);
        await CommandAsync("PRAGMA max_page_count=100000");
        await WriteAsync(1 << 20);

        Assert.Equal("10,20,1048576", await CommandAsync("SELECT group_concat(length(x)) FROM t"));
        Assert.Equal("ok", await CommandAsync("PRAGMA integrity_check"));
    }

    [Fact]
    public async Task A_file_of_the_first_version_keeps_its_bundles()
    {
        await using var file = new SqliteFile();
        await file.Database.WriteAsync(
            db => db.Execute(
                SqliteFile.BeforeRooms + """
                DROP TABLE bundle_contents; DROP TABLE bundle_versions; DROP TABLE bundle_shadows;
                DROP TABLE audit_segments; DROP TABLE tenant_spend; DROP TABLE threat_holds;
                DROP TABLE memory_entries; DROP TABLE memory_buckets; DROP TABLE memory_applied;
                CREATE TABLE bundles (tenant TEXT PRIMARY KEY, digest TEXT NOT NULL, files TEXT NOT NULL) STRICT;
                INSERT INTO bundles VALUES ($tenant, $digest, '{"bundle.yaml":"name: ü"}');
                PRAGMA user_version=1
                """,
                ("$tenant", Given.Tenant(1).ToString()), ("$digest", BundleDigest.Of([1]).ToString())),
            CancellationToken.None);

        await using var again = SqliteDatabase.Open(file.Path);

        var bundles = new SqliteBundleStore(again);
        var bundle = Assert.Single(await bundles.ListAsync(CancellationToken.None));
        Assert.Equal((Given.Tenant(1), 1, "name: ü"), (bundle.Tenant, bundle.Version, bundle.Files["bundle.yaml"]));
        var version = Assert.Single(await bundles.HistoryAsync(Given.Tenant(1), CancellationToken.None));
        Assert.Equal("platform", version.Origin.Principal);
        Assert.True(TimeProvider.System.GetUtcNow() - version.Origin.At < TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_file_of_an_older_version_keeps_what_holds_against_agents()
    {
        await using var file = new SqliteFile();
        var at = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var held = new ThreatFound("rule", "quarantine_agent", "demo/a", "5 denials") { OfAgent = true, Until = at };
        ThreatFound[] found =
        [
            held with { Detail = "before" },
            held with { Agent = "demo/lifted" },
            new("rule", "warn", "demo/a", "nothing that lasts"),
            new("", "lift", "demo/lifted", "lifted") { OfAgent = true },
            held,
            held with { Rule = "other" },
        ];
        foreach (var one in found)
            await file.Audit.AppendAsync([new(Given.Tenant(1), at, one)], 100, CancellationToken.None);
        await file.Database.WriteAsync(
            db => db.Execute(SqliteFile.BeforeRooms + "DROP TABLE threat_holds; PRAGMA user_version=5"),
            CancellationToken.None);

        await using var again = SqliteDatabase.Open(file.Path);

        var kept = await new SqliteAuditStore(again).ReadHoldsAsync(Given.Tenant(1), CancellationToken.None);
        Assert.Equal([held, held with { Rule = "other" }], kept.Select(r => r.Data));
        Assert.All(kept, r => Assert.Equal(at, r.At));
    }

    [Fact]
    public async Task A_file_of_an_older_version_knows_what_its_tenants_keep()
    {
        await using var file = new SqliteFile();
        var expected = await Kept.FillAsync(file.Tenants, file.Agents, file.Journal, file.Storage);
        await file.Database.WriteAsync(
            db => db.Execute(SqliteFile.BeforeRooms + "PRAGMA user_version=6"), CancellationToken.None);

        await using var again = SqliteDatabase.Open(file.Path);

        var kept = await new SqliteTenantStorage(again).UseAsync(expected.Tenant, CancellationToken.None);
        Assert.Equal((expected.Use.Modules, expected.Use.EndedRuns, expected.Use.Runs), (
            kept.Modules, kept.EndedRuns, kept.Runs));
    }

    [Fact]
    public async Task Only_its_owner_may_read_a_file_that_is_made_or_was_open_to_others()
    {
        if (OperatingSystem.IsWindows())
            return;
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var file = new SqliteFile();
        await file.Tenants.EnsureTenantAsync("acme", CancellationToken.None);
        string[] all = [file.Path, $"{file.Path}-wal", $"{file.Path}-shm"];
        foreach (var f in all)
        {
            Assert.Equal(OwnerOnly, File.GetUnixFileMode(f));
            File.SetUnixFileMode(f, OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        await using var again = SqliteDatabase.Open(file.Path);
        foreach (var f in all)
            Assert.Equal(OwnerOnly, File.GetUnixFileMode(f));
    }

    [Fact]
    public async Task A_reopened_file_holds_what_was_written()
    {
        await using var file = new SqliteFile();
        var tenant = await file.Tenants.EnsureTenantAsync("acme", CancellationToken.None);
        await using var again = SqliteDatabase.Open(file.Path);
        Assert.Equal(
            tenant,
            await new SqliteTenantStore(again, TimeProvider.System).EnsureTenantAsync("acme", CancellationToken.None));
    }

    [Fact]
    public async Task A_write_that_throws_is_undone_alone()
    {
        await using var file = new SqliteFile();
        var bad = file.Database.WriteAsync<int>(
            db =>
            {
                db.Execute("INSERT INTO tenants (id, name, created_at) VALUES ('x', 'half', 1)");
                throw new InvalidOperationException("a bug in one caller");
            },
            CancellationToken.None).AsTask();
        var good = file.Tenants.EnsureTenantAsync("whole", CancellationToken.None).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => bad);
        await good;
        Assert.Equal(
            "whole",
            await file.Database.ReadAsync(
                db => string.Join(',', db.All("SELECT name FROM tenants", r => r.GetString(0))),
                CancellationToken.None));
    }

    [Fact]
    public async Task After_it_is_disposed_every_call_fails_and_nothing_hangs()
    {
        var file = new SqliteFile();
        await file.DisposeAsync();
        await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await file.Tenants.EnsureTenantAsync("acme", CancellationToken.None));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await file.Bundles.ListAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Many_writers_share_commits()
    {
        await using var file = new SqliteFile();
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => file.Tenants
            .EnsureTenantAsync(i.ToString(CultureInfo.InvariantCulture), CancellationToken.None).AsTask()));
        Assert.Equal(
            500L,
            await file.Database.ReadAsync(
                db => (long)db.Scalar("SELECT COUNT(*) FROM tenants")!, CancellationToken.None));
    }
}
