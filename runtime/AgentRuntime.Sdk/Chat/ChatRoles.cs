using AiRole = Microsoft.Extensions.AI.ChatRole;

namespace AgentRuntime.Sdk;

/// <summary>Tells Microsoft.Extensions.AI's roles from the platform's enum of the same name.</summary>
internal static class ChatRoles
{
    public static AiRole System => AiRole.System;

    public static AiRole Assistant => AiRole.Assistant;

    public static AiRole Tool => AiRole.Tool;
}
