using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Reports;

/// <summary>
/// For people: what was asked, each call with its verdict and reason, tokens, time to first token, cost and the
/// engines, then what the agent returned. Totals at the end when there was more than one run.
/// </summary>
internal sealed class TextRunReport : IRunReport
{
    private const int MaxShownCharacters = 110;
    private const int MaxOutputCharacters = 600;

    private readonly ReportTotals _totals = new();

    public void Begin(string input)
    {
        Console.WriteLine();
        Terminal.WriteLine($"> {Shorten(input)}");
    }

    public void Add(RunEventResource e)
    {
        _totals.Add(e.Data);
        foreach (var line in Lines(e.Run, e.Data)) Terminal.WriteLine("  " + line);
    }

    public void End(RunResource run)
    {
        _totals.End(run);
        var outcome = run.Error?.ToError().ToString() ?? Shorten(run.Output ?? "", MaxOutputCharacters);
        Terminal.WriteLine($"  {run.Status}  {outcome}");
        Terminal.WriteLine(
            $"  {run.Id}  prompt {run.Usage.PromptTokens} (cached {run.Usage.CachedPromptTokens})"
            + $"  output {run.Usage.OutputTokens}  cost {new MicroUsd(run.CostMicroUsd)}");
    }

    public void Close() => _totals.Print();

    private static string[] Lines(string run, RunEventData data) => data switch
    {
        ApprovalRequested d =>
            [$"wait   for a person until {d.ExpiresAt:u}: agentctl approvals approve {run} {d.Call}, or deny"],
        ApprovalDecided d =>
            [$"       {(d.Approved ? "approved" : "denied")} by {d.Principal}{After(": ", d.Comment)}"],
        ToolDecided { Verdict: "allow" } d => [$"allow  {d.Tool} {Shorten(d.ArgumentsJson)}"],
        ToolDecided d => [$"{d.Verdict,-6} {d.Tool} {Shorten(d.ArgumentsJson)}", $"       {d.Reason?.ToError()}"],
        ToolCompleted d => [$"       {d.Tool} answered in {Ms(d.DurationMs)}: {Shorten(d.Content)}"],
        ToolFailed d => [$"       {d.Tool} failed: {d.Error.ToError()}"],
        ChatCompleted d =>
        [
            $"chat   {d.Model}  prompt {d.Usage.PromptTokens} (cached {d.Usage.CachedPromptTokens})"
                + $"  output {d.Usage.OutputTokens}  first token {Ms(d.TimeToFirstTokenMs)}  {Engines(d)}"
                + $"  {new MicroUsd(d.CostMicroUsd)}",
            .. Said(d.Content),
        ],
        ChatFailed d => [$"chat   {d.Model}  failed: {d.Error.ToError()}"],
        MemoryCompleted d =>
            [$"memory {d.Operation} {d.Bucket} {Shorten(d.Key ?? "")}{(d.Found == false ? " (none)" : "")}"],
        MemoryRefused d =>
        [
            $"deny   memory {d.Operation} {Shorten(d.Bucket)} {Shorten(d.Key ?? "")}", $"       {d.Error.ToError()}",
        ],
        SleepStarted d => [$"sleep  until {d.Until:u}"],
        GuestLogged d => [$"log    {d.Level}: {Shorten(d.Message)}"],
        _ => [],
    };

    /// <summary>Nothing when the model only asked for tools: the calls follow.</summary>
    private static string[] Said(string content) => content.Length == 0 ? [] : [$"       {Shorten(content)}"];

    private static string After(string mark, string? text) => string.IsNullOrEmpty(text) ? "" : mark + Shorten(text);

    private static string Engines(ChatCompleted chat) => chat.PrefillEngine == chat.DecodeEngine
        ? chat.DecodeEngine
        : $"{chat.PrefillEngine} -> {chat.DecodeEngine}"
            + (chat.KvBytes is { } bytes ? $" ({bytes / 1024} KiB of KV in {Ms(chat.KvTransferMs ?? 0)})" : "");

    private static string Ms(double ms) => ms.ToString(ms < 10 ? "0.0 ms" : "0 ms", CultureInfo.InvariantCulture);

    private static string Shorten(string text, int most = MaxShownCharacters)
    {
        var clean = Terminal.Clean(text);
        return clean.Length <= most ? clean : clean[..most] + "…";
    }
}
