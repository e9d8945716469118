using System.Data.Common;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>Whose run a row of <c>runs</c> is, of either database: its first eight columns. Stateless.</summary>
internal static class RunIdentityRow
{
    public static WorkIdentity Read(DbDataReader r) => new(
        TenantId.Parse(r.GetString(1)),
        r.GetString(2),
        ProjectId.Parse(r.GetString(3)),
        r.GetString(4),
        r.GetString(5))
    {
        Run = RunId.Parse(r.GetString(0)),
        Agent = AgentId.Parse(r.GetString(6)),
        AgentName = r.GetString(7),
    };
}
