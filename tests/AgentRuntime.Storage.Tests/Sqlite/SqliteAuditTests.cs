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
                "CREATE TRIGGER keep BEFORE DELETE ON audit_records BEGIN SELECT RAISE(ABORT, 'kept'); END";
            await command.ExecuteNonQueryAsync();
        }

        for (var i = 0; i < 8; i++)
            await file.Audit.AppendAsync(
                [new(Given.Tenant(1), DateTimeOffset.UnixEpoch, new DecisionSettled($"dec_{i}", "failed"))],
                5,
                default);

        Assert.Equal(8, (await file.Audit.ReadAsync(Given.Tenant(1), new(), default)).Count);
    }
}
