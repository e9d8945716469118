using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;

namespace AgentRuntime.Cli.Policy;

/// <summary>
/// <c>agentctl policy validate | test | plan | apply</c>: a folder, before it is in force and when it gets there.
/// </summary>
internal static class BundleCommands
{
    public static Command Validate()
    {
        var folder = BundleArgument.Required();
        return new Command("validate", "Say everything that is wrong with a bundle; change nothing")
            {
                folder, Listing.Json,
            }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var files = BundleArgument.Read(parsed.GetRequiredValue(folder));
                var result = await client.Policy.ValidateAsync(files, cancellationToken);
                return parsed.Print(result, $"valid  sha256:{result.Bundle}");
            });
    }

    public static Command Test()
    {
        var folder = BundleArgument.Required();
        var all = new Option<bool>("--all", "-a") { Description = "Name the tests that passed too" };
        return new Command("test", "Run a bundle's own tests; change nothing") { folder, all, Listing.Json }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var files = BundleArgument.Read(parsed.GetRequiredValue(folder));
                var result = await client.Policy.TestAsync(files, cancellationToken);
                var isRefused = parsed.Print(
                    result, WireJson.Default.PolicyTestResource, answer => Print(answer, parsed.GetValue(all))) != 0;
                return isRefused || result.Failed > 0 ? 1 : 0;
            });
    }

    public static Command Plan()
    {
        var folder = BundleArgument.Required();
        return new Command("plan", "Say what applying a bundle would change, and for whom")
            {
                folder, Listing.Json,
            }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var files = BundleArgument.Read(parsed.GetRequiredValue(folder));
                var plan = await client.Policy.PlanAsync(files, cancellationToken);
                return parsed.Print(plan, WireJson.Default.PolicyPlanResource, PolicyText.Plan);
            });
    }

    public static Command Apply()
    {
        var folder = BundleArgument.Required();
        var shadow = new Option<bool>("--shadow")
        {
            Description = "Let it decide beside the bundle in force, and only record what it would decide",
        };
        return new Command("apply", "Put a bundle in force for this tenant") { folder, shadow, Listing.Json }
            .Does(async (parsed, client, cancellationToken) =>
            {
                var files = BundleArgument.Read(parsed.GetRequiredValue(folder));
                var inShadow = parsed.GetValue(shadow);
                var result = inShadow
                    ? await client.Policy.BeginShadowAsync(files, cancellationToken)
                    : await client.Policy.ApplyAsync(files, cancellationToken);
                return parsed.Print(result, inShadow
                    ? $"in shadow  sha256:{result.Bundle}"
                    : $"in force  version {result.Version}  sha256:{result.Bundle}");
            });
    }

    private static void Print(PolicyTestResource result, bool all)
    {
        foreach (var test in result.Tests)
        {
            if (test.Failure is { } failure)
            {
                Terminal.WriteLine($"FAIL  {test.Where}  {test.Name}");
                Terminal.WriteLine($"      {failure}");
            }
            else if (all)
                Terminal.WriteLine($"ok    {test.Where}  {test.Name}");
        }

        Terminal.WriteLine($"{result.Passed} passed, {result.Failed} failed");
    }
}
