namespace AgentRuntime.Sdk;

/// <summary>Where a run lives on the wire. No text for its id may lead elsewhere.</summary>
internal static class RunPath
{
    /// <exception cref="ArgumentException">It is empty, or dots, which are taken out of an address.</exception>
    public static string Of(string run) => run is "" or "." or ".."
        ? throw new ArgumentException($"'{run}' is no run's id", nameof(run))
        : $"v1/runs/{Uri.EscapeDataString(run)}";
}
