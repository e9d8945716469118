using System.Diagnostics;
using Google.Protobuf.Reflection;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>
/// Runs <c>peer.py</c>: python3-grpcio, with the messages of these tests from their descriptors, so that nothing has
/// to be generated.
/// </summary>
internal sealed class PythonPeer : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly Process _process;

    private PythonPeer(Process process) => _process = process;

    /// <summary>Whether python3-grpcio is there.</summary>
    public static bool IsInstalled { get; } = File.Exists(Python) && Imports();

    public StreamReader Output => _process.StandardOutput;

    public static PythonPeer Start(params string[] arguments)
    {
        var descriptors = string.Join(',', new[] { EchoReflection.Descriptor, Health.HealthReflection.Descriptor }
            .Select(d => Convert.ToBase64String(Bytes(d))));
        var info = Info([Path.Combine(AppContext.BaseDirectory, "Interop", "peer.py"), .. arguments]);
        info.Environment["DESCRIPTORS"] = descriptors;
        return new(Process.Start(info)!);
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static byte[] Bytes(FileDescriptor descriptor) => descriptor.SerializedData.ToByteArray();

    private static ProcessStartInfo Info(params IEnumerable<string> arguments) => new(Python, arguments)
    {
        UseShellExecute = false, RedirectStandardOutput = true,
    };

    private static bool Imports()
    {
        var info = Info("-c", "import grpc, google.protobuf");
        info.RedirectStandardError = true;
        using var process = Process.Start(info)!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
