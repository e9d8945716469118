using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl approvals list | approve | deny</c>.</summary>
internal static class ApprovalsCommand
{
    public static Command Create() => new("approvals", "See which calls wait for a person, and decide")
    {
        List(),
        Decide("approve", "Let a call be made, with exactly the arguments that were shown", approved: true),
        Decide("deny", "Refuse a call", approved: false),
    };

    private static Command List()
    {
        var command = new Command("list", "The calls that wait, oldest first") { Listing.Json };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            var waiting = await client.Approvals.ListAsync(cancellationToken);
            return parsed.Show(
                waiting, WireJson.Default.ApprovalList, waiting.Approvals, Print, "no call waits for an approval");
        }));
        return command;
    }

    /// <summary>
    /// What is approved is what is sent, with all that cannot be seen: none of it may be left out here.
    /// </summary>
    private static void Print(ApprovalResource waiting)
    {
        Terminal.WriteLine(Terminal.Reveal(
            $"{waiting.Run} {waiting.Call}  {waiting.Agent}  until {waiting.ExpiresAt:u}"));
        Terminal.WriteLine(Terminal.Reveal($"  {waiting.Tool} {waiting.ArgumentsJson}"));
    }

    private static Command Decide(string name, string description, bool approved)
    {
        var run = RunArgument.Create();
        var call = new Argument<int>("call") { Description = "The call's number, as the list shows it" };
        var comment = new Option<string?>("--comment") { Description = "Why; the agent gets to read it" };
        var command = new Command(name, description) { run, call, comment };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            await client.Approvals.DecideAsync(
                parsed.GetRequiredValue(run),
                parsed.GetRequiredValue(call),
                approved,
                parsed.GetValue(comment),
                cancellationToken);
            Terminal.WriteLine(
                $"{parsed.GetRequiredValue(run)} {parsed.GetRequiredValue(call)} {(approved ? "approved" : "denied")}");
            return 0;
        }));
        return command;
    }
}
