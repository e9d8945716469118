using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>Runs a server until the process that started it goes away.</summary>
internal static class Servers
{
    public static async Task RunAsync(WebApplication app)
    {
        await app.StartAsync();
        var features = app.Services.GetRequiredService<IServer>().Features;
        Console.WriteLine($"READY {features.Get<IServerAddressesFeature>()!.Addresses.First()}");
        while (await Console.In.ReadLineAsync() is not null)
        {
        }

        await app.StopAsync();
    }
}
