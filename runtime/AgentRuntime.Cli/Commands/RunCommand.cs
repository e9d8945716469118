using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;
using AgentRuntime.Sdk;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl run project/agent --input FILE</c>: runs an agent and tells what it did.</summary>
internal static class RunCommand
{
    /// <summary>A file of many inputs; each of them is bounded as every input is.</summary>
    private const long MaxLinesBytes = 64 << 20;

    public static Command Create()
    {
        var agent = AgentArgument.Create();
        var input = new Option<FileInfo?>("--input", "-i")
        {
            Description = "File to give to the agent. A .jsonl file starts one run a line",
        };
        var text = new Option<string?>("--text", "-t") { Description = "Text to give to the agent" };
        var whole = new Option<bool>("--whole") { Description = "Give a .jsonl file to one run as a whole" };
        var json = new Option<bool>("--json") { Description = "Print events as JSON lines instead of a report" };
        var command = new Command("run", "Run an agent and follow it to its end") { agent, input, text, whole, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(input) is null == result.GetValue(text) is null)
                result.AddError("give either --input or --text");
        });
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, client => RunAsync(
            client,
            parsed.GetRequiredValue(agent),
            Inputs(parsed.GetValue(input), parsed.GetValue(text), parsed.GetValue(whole)),
            parsed.GetValue(json) ? new JsonRunReport() : new TextRunReport(),
            cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(
        AgentRuntimeClient client,
        string agent,
        IReadOnlyList<string> inputs,
        IRunReport report,
        CancellationToken cancellationToken)
    {
        var failed = 0;
        foreach (var input in inputs)
        {
            report.Begin(input);
            var run = await client.Runs.RunToEndAsync(agent, input, report.Add, cancellationToken);
            report.End(run);
            if (run.Status != "succeeded") failed++;
        }

        report.Close();
        return failed == 0 ? 0 : 1;
    }

    private static string[] Inputs(FileInfo? file, string? text, bool whole)
    {
        if (file is null) return [text ?? ""];
        var isOne = whole || file.Extension != ".jsonl";
        var content = Failure.ReadText(file, isOne ? WireBounds.RunInputBytes : MaxLinesBytes);
        if (isOne) return [content];
        var lines = content.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length > 0
            ? lines
            : throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnreadableFile, $"{file} holds no line", file.ToString()));
    }
}
