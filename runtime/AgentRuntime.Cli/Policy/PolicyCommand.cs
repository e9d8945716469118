using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;
using AgentRuntime.Sdk;

namespace AgentRuntime.Cli.Policy;

/// <summary>
/// <c>agentctl policy</c>: the platform checks and answers, so that what is shown here is what decides there.
/// </summary>
internal static class PolicyCommand
{
    public static Command Create() => new(
        "policy", "Check policy bundles, put them in force, and see what they decided")
    {
        BundleCommands.Validate(),
        BundleCommands.Test(),
        BundleCommands.Plan(),
        BundleCommands.Apply(),
        VersionCommands.Rollback(),
        VersionCommands.History(),
        VersionCommands.Shadow(),
        ExplainCommand.Create(),
        AnalysisCommands.Simulate(),
        AnalysisCommands.Audit(),
        RecordCommands.Decisions(),
        RecordCommands.Threats(),
        RecordCommands.Lift(),
    };

    /// <summary>A command whose work has a client.</summary>
    public static Command Does(
        this Command command, Func<ParseResult, AgentRuntimeClient, CancellationToken, Task<int>> work)
    {
        command.SetAction((parsed, cancellationToken) =>
            Connection.UseAsync(parsed, client => work(parsed, client, cancellationToken)));
        return command;
    }

    /// <summary>Prints an answer as JSON or as text; a bundle's problems instead when it has any.</summary>
    public static int Print<T>(this ParseResult parsed, T answer, JsonTypeInfo<T> type, Action<T> text)
        where T : PolicyAnswer
    {
        if (answer.Problems is { Count: > 0 } problems)
            return Refuse(problems);
        if (!parsed.PrintJson(answer, type)) text(answer);
        return 0;
    }

    /// <summary>Prints what became of a bundle, as JSON or in words; its problems instead when it has any.</summary>
    public static int Print(this ParseResult parsed, PolicyBundleResource result, string words)
    {
        if (result.Problems.Count > 0)
            return Refuse(result.Problems);
        if (!parsed.PrintJson(result, WireJson.Default.PolicyBundleResource)) Terminal.WriteLine(words);
        return 0;
    }

    /// <summary>Prints a bundle's problems, all at once.</summary>
    private static int Refuse(IReadOnlyList<ErrorResource> problems)
    {
        foreach (var problem in problems) Failure.Print(problem.ToError());
        return 1;
    }
}
