using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests.Processes;

/// <summary>The platform with the model that <c>./runtime/up</c> serves: it reads tickets and decides.</summary>
public sealed class DemoPlatform : RunningPlatform
{
    public DemoPlatform() => ExtraArguments =
        ["--model", Path.Combine(Repository.Root, "gateway", "models", "demo", "demo.gguf")];
}
