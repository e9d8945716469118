using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Reports;

/// <summary>Sums up several runs.</summary>
internal sealed class ReportTotals
{
    private static readonly string Undecided = ReasonCodes.ApprovalRequired.ToString();

    private readonly List<double> _firstTokenMs = [];
    private readonly SortedSet<string> _engines = new(StringComparer.Ordinal);
    private int _runs;
    private int _succeeded;
    private int _allowed;
    private int _refused;
    private long _promptTokens;
    private long _cachedTokens;
    private long _outputTokens;
    private long _costMicroUsd;

    public void Add(RunEventData data)
    {
        switch (data)
        {
            case ToolStarted:
                _allowed++;
                break;
            case ToolDecided { Verdict: not "allow" }:
                _refused++;
                break;
            case ApprovalRequested: // for now it is not refused but waits
                _refused--;
                break;
            case ApprovalDecided { Approved: false }:
            case ToolFailed { NotSent: true } failed when failed.Error.Code == Undecided:
                _refused++;
                break;
            case ChatCompleted chat:
                _firstTokenMs.Add(chat.TimeToFirstTokenMs);
                _engines.Add(chat.PrefillEngine);
                _engines.Add(chat.DecodeEngine);
                break;
        }
    }

    public void End(RunResource run)
    {
        _runs++;
        if (run.Status == "succeeded") _succeeded++;
        _promptTokens += run.Usage.PromptTokens;
        _cachedTokens += run.Usage.CachedPromptTokens;
        _outputTokens += run.Usage.OutputTokens;
        _costMicroUsd += run.CostMicroUsd;
    }

    public void Print()
    {
        if (_runs < 2) return;
        _firstTokenMs.Sort();
        var median = _firstTokenMs.Count == 0 ? 0 : _firstTokenMs[_firstTokenMs.Count / 2];
        var cost = new MicroUsd(_costMicroUsd);
        Console.WriteLine();
        Terminal.WriteLine($"{_runs} runs, {_succeeded} succeeded; {_allowed} calls allowed, {_refused} refused");
        Terminal.WriteLine(
            $"prompt {_promptTokens} tokens (cached {_cachedTokens}), output {_outputTokens}, cost {cost}");
        Terminal.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"first token {median:0} ms at the median; engines: {string.Join(", ", _engines)}"));
    }
}
