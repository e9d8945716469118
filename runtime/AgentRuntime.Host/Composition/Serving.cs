using System.Net.Sockets;
using AgentRuntime.Abstractions;
using AgentRuntime.Host.Configuration;

namespace AgentRuntime.Host.Composition;

/// <summary>Opening the door, and closing it again.</summary>
internal static class Serving
{
    public static void Listen(this WebApplicationBuilder builder, PlatformOptions options)
    {
        Logging.Configure(builder.Logging);
        builder.WebHost.UseUrls(options.Listen);
        builder.WebHost.UseKestrelHttpsConfiguration();
    }

    /// <summary>
    /// Serves until it is told to stop, with background work beside it. Work that fails takes the process down: a
    /// platform that accepts runs and never works on them is worse than one that is restarted. So does work that ends
    /// before it is told to.
    /// </summary>
    public static async Task ServeAsync(
        this WebApplication app,
        IReadOnlyList<Func<CancellationToken, Task>> background,
        CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.PortInUse,
                    $"cannot listen: {e.Message}",
                    app.Urls.Count == 0 ? null : string.Join(", ", app.Urls),
                    "Stop the other process, or choose another port with --port."),
                e);
        }
        catch (InvalidOperationException e) when (app.Urls.Any(u => u.StartsWith("https:", StringComparison.Ordinal)))
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.InvalidConfiguration,
                    $"cannot serve https: {e.Message.Split('\n')[0].Trim()}",
                    string.Join(", ", app.Urls),
                    "Name a certificate in Kestrel__Certificates__Default__Path, or listen to http behind a proxy."),
                e);
        }

        Console.WriteLine($"ready {app.Urls.First()}");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var work = background.Select(begin => begin(stop.Token)).ToList();
        var shutdown = app.WaitForShutdownAsync(cancellationToken);
        var first = await Task.WhenAny([shutdown, .. work]);

        // Requests that are under way come to their end first, unless what they depend on is no more.
        if (first != shutdown)
            await stop.CancelAsync();
        await app.StopAsync(CancellationToken.None);
        await stop.CancelAsync();
        try
        {
            await Task.WhenAll(work);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }
}
