using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Reports;

/// <summary>Shows runs as they happen.</summary>
internal interface IRunReport
{
    void Begin(string input);

    void Add(RunEventResource e);

    void End(RunResource run);

    void Close();
}
