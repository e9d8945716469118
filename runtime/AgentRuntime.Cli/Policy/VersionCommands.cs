using System.CommandLine;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary>
/// <c>agentctl policy rollback | history | shadow</c>: what is in force, what was, what decides beside it.
/// </summary>
internal static class VersionCommands
{
    public static Command Rollback()
    {
        var version = new Argument<int?>("version")
        {
            Description = "The version; without one, the newest with another content",
            Arity = ArgumentArity.ZeroOrOne,
        };
        return new Command("rollback", "Put an earlier version's bundle in force again") { version }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var result = await client.Policy.RollbackAsync(parsed.GetValue(version), cancellationToken);
                if (result.Problems.Count > 0) return PolicyCommand.Refuse(result.Problems);
                Terminal.WriteLine($"in force  version {result.Version}  sha256:{result.Bundle}");
                return 0;
            });
    }

    public static Command History() =>
        new Command("history", "List the versions of this tenant's bundle") { JsonOption.Shared }.Does(
            async (parsed, client, cancellationToken) =>
            {
                if (parsed.GetValue(JsonOption.Shared))
                {
                    var versions = new BundleVersionList(await client.Policy.HistoryAsync(cancellationToken));
                    Console.WriteLine(JsonSerializer.Serialize(versions, WireJson.Default.BundleVersionList));
                    return 0;
                }

                var status = await client.Policy.GetAsync(cancellationToken);
                foreach (var version in await client.Policy.HistoryAsync(cancellationToken))
                    Print(version, version.Version == status.InForce?.Version ? "in force" : "");
                if (status.Shadow is { } shadow) Print(shadow, "in shadow");
                return 0;
            });

    public static Command Shadow()
    {
        var end = new Option<bool>("--end") { Description = "End it" };
        return new Command("shadow", "Say what the bundle in shadow would have decided differently")
            {
                end, JsonOption.Shared,
            }
            .Does(async (parsed, client, cancellationToken) =>
            {
                if (!parsed.GetValue(end))
                    return parsed.Print(
                        await client.Policy.ShadowAsync(cancellationToken),
                        WireJson.Default.PolicySimulationResource,
                        PolicyText.Simulation);
                await client.Policy.EndShadowAsync(cancellationToken);
                Terminal.WriteLine("no bundle is in shadow");
                return 0;
            });
    }

    private static void Print(BundleVersionResource version, string state) =>
        Terminal.WriteLine(
            $"{(version.Version == 0 ? "-" : $"{version.Version}"),4}  {version.At:u}  sha256:{version.Bundle[..12]}  "
                + $"{version.Cause,-14}  {version.Principal}  {state}".TrimEnd());
}
