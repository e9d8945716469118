using System.Security.Cryptography;
using System.Text;

namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>Ids of calls that every model's template takes. Stateless.</summary>
internal static class ToolCallId
{
    private const int Length = 9;
    private const string Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>
    /// Nine letters and digits, the only ids that Mistral's templates take: the same for the same text.
    /// </summary>
    public static string Of(string text) =>
        string.Create(Length, SHA256.HashData(Encoding.UTF8.GetBytes(text)), static (id, bytes) =>
        {
            for (var i = 0; i < id.Length; i++)
                id[i] = Characters[bytes[i] % Characters.Length];
        });

    /// <summary>Whether it is one already.</summary>
    public static bool Is(string text) => text.Length == Length && text.All(char.IsAsciiLetterOrDigit);
}
