using AgentRuntime.Abstractions;
using AgentRuntime.ControlPlane;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Policies;

namespace AgentRuntime.Host.Seeding;

/// <summary>
/// Makes the configured tenants exist: tenant, project, first key, bundle, agents. Changes nothing that is already
/// so, and never replaces a bundle that a tenant applied itself.
/// </summary>
internal sealed class TenantSeed(
    ITenantStore tenants,
    IAgentStore agents,
    IBundleStore bundles,
    IAuthenticator authenticator,
    ISandboxEngine sandboxes,
    IPolicyAdministration policies,
    IPolicyDecisionPoint decisions,
    TimeProvider time)
{
    public async Task ApplyAsync(TenantOptions options, string state, CancellationToken cancellationToken)
    {
        var tenant = await tenants.EnsureTenantAsync(options.Name, cancellationToken);
        var project = await tenants.EnsureProjectAsync(tenant.Id, options.Project, cancellationToken);
        if (options.KeyFile is { } keyFile)
            await EnsureKeyAsync(tenant, project, Path.Combine(state, keyFile), cancellationToken);
        if (options.Bundle is { } bundle) await EnsureBundleAsync(tenant, bundle, cancellationToken);
        foreach (var (name, module) in options.Agents)
            await EnsureAgentAsync(tenant, project, name, module, cancellationToken);
    }

    private async Task EnsureKeyAsync(
        TenantRecord tenant, ProjectRecord project, string file, CancellationToken cancellationToken)
    {
        if (File.Exists(file))
        {
            var owner = await authenticator.AuthenticateAsync(SecretFile.ReadText(file), cancellationToken);
            if (owner?.Tenant == tenant.Id) return;
        }

        var issued = ApiKeys.Issue(tenant.Id, project.Id, time);
        await tenants.AddKeyAsync(issued.Record, cancellationToken);
        SecretFile.Write(file, issued.Credential);
    }

    private async Task EnsureBundleAsync(TenantRecord tenant, string folder, CancellationToken cancellationToken)
    {
        var kept = await bundles.ListAsync(cancellationToken);
        if (kept.Any(bundle => bundle.Tenant == tenant.Id)) return;
        var outcome = await policies.ApplyAsync(tenant.Id, BundleFolder.Read(folder), cancellationToken);
        if (outcome.Problems.Count == 0) return;
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.InvalidBundle,
            string.Join("; ", outcome.Problems),
            folder,
            "Correct the bundle; nothing is allowed without one."));
    }

    private async Task EnsureAgentAsync(
        TenantRecord tenant, ProjectRecord project, string name, string module, CancellationToken cancellationToken)
    {
        var wasm = ReadModule(module);
        var deployed = await agents.FindAsync(tenant.Id, project.Name, name, cancellationToken);
        if (deployed?.Module == ModuleDigest.Of(wasm)) return;
        await sandboxes.CompileAsync(wasm, cancellationToken);
        await agents.DeployAsync(
            new AgentDeployment(tenant.Id, project.Id, name, wasm)
            {
                Pinned = decisions.Current(tenant.Id)?.Tenant.ToolModules ?? [],
            },
            cancellationToken);
    }

    private static byte[] ReadModule(string path)
    {
        try
        {
            return BoundedFile.Read(path, WireBounds.ModuleBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read the agent's module: {e.Message}", path), e);
        }
    }
}
