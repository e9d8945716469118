using AgentRuntime.Abstractions;

namespace AgentRuntime.Cli.Reports;

/// <summary>Every event as a JSON line, then the run.</summary>
internal sealed class JsonRunReport : IRunReport
{
    public void Begin(string input)
    {
    }

    public void Add(RunEventResource e) => Console.WriteLine(Json.Write(e));

    public void End(RunResource run) => Console.WriteLine(Json.Write(run));

    public void Close()
    {
    }
}
