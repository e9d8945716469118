using System.CommandLine;
using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl storage [clear BUCKET]</c>.</summary>
internal static class StorageCommand
{
    public static Command Create()
    {
        var command = new Command("storage", "What this tenant keeps on the platform, and may keep")
        {
            Clear(), Listing.Json,
        };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var kept = await client.Storage.GetAsync(cancellationToken);
            if (parsed.PrintJson(kept, WireJson.Default.StorageResource)) return 0;
            foreach (var line in Lines(kept)) Terminal.WriteLine(line);
            return 0;
        }));
        return command;
    }

    private static Command Clear()
    {
        var bucket = new Argument<string>("bucket") { Description = "A bucket of the tenant's memory" };
        bucket.Validators.Add(static result =>
        {
            foreach (var given in result.Tokens)
                if (!ResourceName.IsLabel(given.Value))
                    result.AddError($"'{given.Value}' is no bucket's name: {ResourceName.LabelForm}");
        });
        var command = new Command("clear", "Take all keys of a bucket of memory away") { bucket };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            await client.Storage.ClearMemoryAsync(parsed.GetRequiredValue(bucket), cancellationToken);
            Terminal.WriteLine($"{parsed.GetRequiredValue(bucket)} cleared");
            return 0;
        }));
        return command;
    }

    private static IEnumerable<string> Lines(StorageResource storage)
    {
        yield return Text($"{"agents",-24}  {storage.Agents} of {storage.MaxAgents}");
        yield return Text($"{"modules",-24}  {Room(storage.Modules)}");
        yield return Text($"{"memory",-24}  {Room(storage.Memory)}");
        foreach (var bucket in storage.Buckets)
            yield return Text($"{"  " + bucket.Name,-24}  {Mebibytes(bucket.Bytes)} in {bucket.Keys} keys");
        yield return Text(
            $"{"ended runs",-24}  {storage.EndedRuns}, {Room(storage.Runs)}, for {storage.MaxRunDays:0.##} days");
    }

    private static string Room(RoomResource room) => $"{Mebibytes(room.Bytes)} of {Mebibytes(room.MaxBytes)}";

    private static string Mebibytes(long bytes) => Text($"{bytes / (double)(1 << 20):0.00} MiB");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
