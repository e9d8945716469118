using System.Diagnostics;
using AgentRuntime.TestKit;
using Google.Protobuf.Reflection;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>
/// Runs <c>peer.py</c>: python3-grpcio, with the messages of these tests from their descriptors, so that nothing has
/// to be generated.
/// </summary>
internal sealed class PythonPeer : IDisposable
{
    private readonly Process _process;

    private PythonPeer(Process process) => _process = process;

    /// <summary>Whether python3-grpcio is there.</summary>
    public static bool IsInstalled { get; } = Python.Has("grpc", "google.protobuf");

    public StreamReader Output => _process.StandardOutput;

    public static PythonPeer Start(params string[] arguments)
    {
        FileDescriptor[] files = [EchoReflection.Descriptor, Health.HealthReflection.Descriptor];
        var descriptors = string.Join(',', files.Select(d => Convert.ToBase64String(d.SerializedData.Span)));
        var script = Path.Combine(Repository.Root, "tests", "AgentRuntime.Rpc.Tests", "Interop", "peer.py");
        return new(Python.Start(script, arguments, ("DESCRIPTORS", descriptors)));
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
