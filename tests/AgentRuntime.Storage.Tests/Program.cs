using AgentRuntime.Abstractions;
using AgentRuntime.Storage;
using AgentRuntime.Storage.Tests;

// Victims of tests, which work until somebody kills them. One holds a state folder.
if (args is ["hold", var path])
{
    using var folder = StateFolder.Take(path);
    Console.WriteLine("held");
    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
}

// The other one appends events to one run and prints each number once it is acknowledged.
await using var database = SqliteDatabase.Open(args[0]);
var journal = new SqliteRunJournal(database, TimeProvider.System);
var run = Given.Run(Given.Tenant(1));
await journal.CreateAsync(run, CancellationToken.None);
Console.WriteLine(Given.Id(run));
for (var last = 0L; ;)
{
    var appended = await journal.AppendAsync(
        Given.Id(run), last, [new GuestLogged("info", "line")], CancellationToken.None);
    last = appended[0].Sequence;
    Console.WriteLine(last);
}
