using AgentRuntime.Sdk;

namespace AgentRuntime.Integration.Tests.Processes;

/// <summary>
/// A platform that three share: the tenant <c>acme</c>, another project of it (<c>side</c>), and the tenant
/// <c>rival</c>, whose project has the same name as acme's. Nodes may join.
/// </summary>
public sealed class SharedPlatform : RunningPlatform
{
    public SharedPlatform() => Configure = static text => text
        .Replace("\"nodes\": {", "\"registration\": {}, \"nodes\": { \"simulate\": true,", StringComparison.Ordinal)
        .Replace("\"tenants\": [", $$"""
            "tenants": [
              { "name": "acme", "project": "side", "key_file": "side.key" },
              { "name": "rival", "project": "demo", "key_file": "rival.key",
                "bundle": "{{TestKit.DemoBundle.Folder}}" },
            """, StringComparison.Ordinal);

    internal string SideKey => Key("side");

    internal string RivalKey => Key("rival");

    internal string JoinSecret => Key("join");

    internal AgentRuntimeClient Client(string key) => new(Url, key);

    private string Key(string name) => File.ReadAllText(Path.Combine(State, $"{name}.key")).Trim();
}
