using AgentRuntime.Abstractions;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage.Tests;

public sealed class SqliteAuditTests
{
    [Fact]
    public async Task What_cannot_be_let_go_does_not_fail_the_records_that_were_kept()
    {
        await using var file = new SqliteFile();
        await using (var other = new SqliteConnection($"Data Source={file.Path};Pooling=False"))
        {
            await other.OpenAsync();
            await using var command = other.CreateCommand();
            command.CommandText =
                "CREATE TRIGGER keep BEFORE DELETE ON audit_segments BEGIN SELECT RAISE(ABORT, 'kept'); END";
            await command.ExecuteNonQueryAsync();
        }

        for (var i = 0; i < 8; i++)
            await file.Audit.AppendAsync(
                [new(Given.Tenant(1), DateTimeOffset.UnixEpoch, new DecisionSettled($"dec_{i}", "failed"))],
                5,
                default);

        Assert.Equal(8, (await file.Audit.ReadAsync(Given.Tenant(1), new(), default)).Count);
    }

    [Fact]
    public async Task Records_of_an_older_file_are_still_there_and_ids_go_on()
    {
        await using var file = new SqliteFile();
        await file.Database.WriteAsync(
            db => db.Execute(
                SqliteFile.BeforeRooms + """
                DROP TABLE tenant_spend; DROP TABLE threat_holds;
                DROP TABLE audit_segments;
                CREATE TABLE audit_records (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, at INTEGER NOT NULL,
                    kind TEXT NOT NULL, data TEXT NOT NULL) STRICT;
                INSERT INTO audit_records (id, tenant, at, kind, data) VALUES
                    (5, $tenant, 10, 'settled', '{"type":"settled","decision":"dec_ü","outcome":"failed"}'),
                    (8, $tenant, 20, 'policy',
                        '{"type":"policy","cause":"apply","principal":"k","bundle":"b","version":2}'),
                    (11, 'gone', 30, 'settled', '{"type":"settled","decision":"d","outcome":"failed"}');
                DELETE FROM audit_records WHERE id = 11;
                PRAGMA user_version=3
                """,
                ("$tenant", Given.Tenant(1).ToString())),
            CancellationToken.None);

        await using var again = SqliteDatabase.Open(file.Path);
        var audit = new SqliteAuditStore(again);
        await audit.AppendAsync(
            [new(Given.Tenant(1), DateTimeOffset.UnixEpoch, new DecisionSettled("dec_2", "failed"))], 100, default);

        var all = await audit.ReadAsync(Given.Tenant(1), new() { After = 0 }, default);
        Assert.Equal([5, 8, 12], all.Select(r => r.Id));
        Assert.Equal([10, 20, DateTimeOffset.UnixEpoch.UtcTicks], all.Select(r => r.At.UtcTicks));
        Assert.Equal("dec_ü", ((DecisionSettled)all[0].Data).Decision);
        Assert.Equal(8, Assert.Single(await audit.ReadAsync(Given.Tenant(1), new() { Kind = "policy" }, default)).Id);
    }
}
