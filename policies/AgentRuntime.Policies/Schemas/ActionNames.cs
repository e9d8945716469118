namespace AgentRuntime.Policies;

/// <summary>
/// The ids of Cedar actions that are not tools. A tool's action is its qualified name, a server's group of actions is
/// the server's name; neither can have an underscore without a slash, so nothing clashes.
/// </summary>
internal static class ActionNames
{
    /// <summary>Asking a model.</summary>
    public const string UseModel = "use_model";

    /// <summary>Reading memory, listing its keys too.</summary>
    public const string ReadMemory = "read_memory";

    /// <summary>Setting and deleting in memory.</summary>
    public const string WriteMemory = "write_memory";

    /// <summary>The group of all tools.</summary>
    public const string CallTool = "call_tool";

    /// <summary>The group of tools whose pins say that they change nothing.</summary>
    public const string ReadOnly = "read_only";

    /// <summary>The group of all others.</summary>
    public const string MayWrite = "may_write";

    public static string EffectOf(ToolPin tool) => tool.IsReadOnly ? ReadOnly : MayWrite;
}
