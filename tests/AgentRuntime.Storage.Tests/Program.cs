using AgentRuntime.Abstractions;
using AgentRuntime.Storage;
using AgentRuntime.Storage.Tests;

// The victim of the durability tests: appends events to one run and prints each number once it is acknowledged,
// until somebody kills it.
await using var database = SqliteDatabase.Open(args[0]);
var journal = new SqliteRunJournal(database, TimeProvider.System);
var run = Given.Run(Given.Tenant(1));
await journal.CreateAsync(run, CancellationToken.None);
Console.WriteLine(Given.Id(run));
while (true)
{
    var appended = await journal.AppendAsync(Given.Id(run), [new GuestLogged("info", "line")], CancellationToken.None);
    Console.WriteLine(appended[0].Sequence);
}
