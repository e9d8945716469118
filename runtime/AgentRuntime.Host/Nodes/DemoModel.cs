using AgentRuntime.Node.Models;

namespace AgentRuntime.Host.Nodes;

/// <summary>The model that serves when none is configured: made once, kept in the state folder.</summary>
internal static class DemoModel
{
    public static string Ensure(string state)
    {
        var file = Path.Combine(state, "models", "noise.gguf");
        if (File.Exists(file)) return file;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var half = file + ".part";
        NoiseModel.Write(half, new NoiseModelOptions());
        File.Move(half, file, overwrite: true); // whole or not at all, however this process ends
        return file;
    }
}
