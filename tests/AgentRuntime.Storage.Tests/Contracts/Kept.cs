using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>Things that a tenant keeps, as the tests of its room need them.</summary>
internal static class Kept
{
    /// <summary>Ends a run at a time, after events of so many letters.</summary>
    public static async Task<RunRecord> EndedAsync(
        IRunJournal journal, TenantId tenant, DateTimeOffset at, int letters = 0, ModuleDigest? module = null)
    {
        var run = await BegunAsync(journal, tenant, module);
        await journal.AppendAsync(
            Given.Id(run), 0, [new GuestLogged("info", new string('x', letters))], CancellationToken.None);
        var ended = run with { Status = RunStatus.Succeeded, EndedAt = at, Output = "done" };
        var totals = new RunTotals(new(0, 0, 0), 0, 0, 0, 0);
        await journal.TransitionAsync(ended, 1, new RunSucceeded("done", totals), CancellationToken.None);
        return ended;
    }

    /// <summary>Begins a run.</summary>
    public static async Task<RunRecord> BegunAsync(IRunJournal journal, TenantId tenant, ModuleDigest? module = null)
    {
        var run = Given.Run(tenant);
        run = run with { Module = module ?? run.Module };
        await journal.CreateAsync(run, CancellationToken.None);
        return run;
    }

    /// <summary>A tenant with an agent, the version that was before it, and a run of each.</summary>
    public static async Task<(TenantId Tenant, StorageUse Use)> FillAsync(
        ITenantStore tenants, IAgentStore agents, IRunJournal journal, ITenantStorage storage)
    {
        var project = await tenants.EnsureProjectAsync(
            (await tenants.EnsureTenantAsync("acme", CancellationToken.None)).Id, "demo", CancellationToken.None);
        foreach (var module in new byte[][] { [1], new byte[9_000] })
        {
            await agents.DeployAsync(new(project.Tenant, project.Id, "triage", module), CancellationToken.None);
            await EndedAsync(journal, project.Tenant, DateTimeOffset.UnixEpoch, 500, ModuleDigest.Of(module));
        }

        await BegunAsync(journal, project.Tenant);
        return (project.Tenant, await storage.UseAsync(project.Tenant, CancellationToken.None));
    }
}
