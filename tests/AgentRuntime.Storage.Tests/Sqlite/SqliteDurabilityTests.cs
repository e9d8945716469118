using System.Diagnostics;
using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

public sealed class SqliteDurabilityTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(200)]
    public async Task What_was_acknowledged_before_a_kill_is_there_afterwards(int killAfter)
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-kill-");
        var path = Path.Combine(folder.FullName, "state.db");
        using var victim = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, ["exec", typeof(SqliteDurabilityTests).Assembly.Location, path])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var run = RunId.Parse((await victim.StandardOutput.ReadLineAsync())!);
        var acknowledged = 0L;
        while (acknowledged < killAfter)
            acknowledged = long.Parse((await victim.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        victim.Kill();
        await victim.WaitForExitAsync();

        // What it had still printed when it died was acknowledged too; a last line may be cut.
        var rest = (await victim.StandardOutput.ReadToEndAsync()).Split('\n')[..^1];
        if (rest.Length > 0)
            acknowledged = long.Parse(rest[^1], CultureInfo.InvariantCulture);

        await using (var database = SqliteDatabase.Open(path))
        {
            var journal = new SqliteRunJournal(database, TimeProvider.System);
            var sequences = new List<long>();
            while (await journal.ReadAsync(run, sequences.Count, 1_000, CancellationToken.None) is { Count: > 0 } page)
                sequences.AddRange(page.Select(e => e.Sequence));
            Assert.InRange(sequences.Count, acknowledged, acknowledged + 1);
            Assert.Equal(Enumerable.Range(1, sequences.Count).Select(i => (long)i), sequences);
            var next = await journal.AppendAsync(
                run, sequences.Count, [new GuestLogged("info", "after")], CancellationToken.None);
            Assert.Equal(sequences.Count + 1, next[0].Sequence);
        }
        folder.Delete(recursive: true);
    }
}
