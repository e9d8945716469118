using AgentRuntime.Rpc.Server;
using Xunit.Abstractions;

namespace AgentRuntime.Rpc.Tests.Interop;

/// <summary>The checks of peer.py against our server, run once.</summary>
public sealed class PythonClientReport : IAsyncLifetime
{
    /// <summary>What each check came to; null without python3-grpcio.</summary>
    public IReadOnlyDictionary<string, string>? Lines { get; private set; }

    public async Task InitializeAsync()
    {
        if (!PythonPeer.IsInstalled) return;
        await using var host = await EchoHost.StartAsync(new RpcServerOptions { Compress = true });
        var pem = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(pem, host.Certificate.ExportCertificatePem());
            using var peer = PythonPeer.Start("client", $"{host.Plain.Port}", $"{host.Tls.Port}", pem);
            var lines = new Dictionary<string, string>();
            while (await peer.Output.ReadLineAsync() is { } line)
                lines.Add(line.Split(' ')[0], line[(line.IndexOf(' ') + 1)..]);
            Lines = lines;
        }
        finally
        {
            File.Delete(pem);
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;
}

public sealed class PythonClientTests(PythonClientReport report, ITestOutputHelper output)
    : IClassFixture<PythonClientReport>
{
    [Theory]
    [InlineData("unary")]
    [InlineData("an_empty_message")]
    [InlineData("a_large_message")]
    [InlineData("gzip_both_ways")]
    [InlineData("deflate_is_refused")]
    [InlineData("server_streaming")]
    [InlineData("client_streaming")]
    [InlineData("duplex")]
    [InlineData("metadata")]
    [InlineData("a_status_with_its_message")]
    [InlineData("a_status_after_messages")]
    [InlineData("a_bug_tells_nothing")]
    [InlineData("an_absent_method")]
    [InlineData("two_requests_for_one")]
    [InlineData("no_request_for_one")]
    [InlineData("garbage_for_a_message")]
    [InlineData("a_message_over_the_limit")]
    [InlineData("a_gzip_bomb")]
    [InlineData("a_deadline")]
    [InlineData("a_deadline_ends_the_service")]
    [InlineData("cancel_ends_the_service")]
    [InlineData("cancel_ends_a_duplex")]
    [InlineData("health_check")]
    [InlineData("health_watch")]
    [InlineData("many_calls_at_once")]
    [InlineData("over_tls")]
    public void A_python_client_is_served(string check)
    {
        if (report.Lines is null)
        {
            output.WriteLine("python3-grpcio is not installed; nothing was tested");
            return;
        }

        Assert.Equal("ok", report.Lines.GetValueOrDefault(check, "did not run"));
    }
}
