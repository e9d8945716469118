using System.CommandLine;
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
        return new Command("rollback", "Put an earlier version's bundle in force again") { version, Listing.Json }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var result = await client.Policy.RollbackAsync(parsed.GetValue(version), cancellationToken);
                return parsed.Print(result, $"in force  version {result.Version}  sha256:{result.Bundle}");
            });
    }

    public static Command History() =>
        new Command("history", "List the versions of this tenant's bundle") { Listing.Json }.Does(
            async (parsed, client, cancellationToken) =>
            {
                var history = new BundleVersionList(await client.Policy.HistoryAsync(cancellationToken));
                if (parsed.PrintJson(history, WireJson.Default.BundleVersionList)) return 0;
                var status = await client.Policy.GetAsync(cancellationToken);
                Listing.Show(
                    history.Versions,
                    version => Print(version, version.Version == status.InForce?.Version ? "in force" : ""),
                    "no bundle was ever put in force");
                if (status.Shadow is { } shadow) Print(shadow, "in shadow");
                return 0;
            });

    public static Command Shadow()
    {
        var end = new Option<bool>("--end") { Description = "End it" };
        return new Command("shadow", "Say what the bundle in shadow would have decided differently")
            {
                end, Listing.Json,
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
