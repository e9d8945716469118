using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Models;

/// <summary>
/// What stands in for a template that cannot be interpreted: one of llama.cpp's own where it knows that template by
/// its look, else ChatML. Thread-safe.
/// </summary>
internal sealed class KnownChatTemplate : IChatTemplate
{
    private readonly byte[] _template;

    /// <param name="own">The template of the model's file; null for none.</param>
    /// <param name="whyNot">Why that is not interpreted.</param>
    public KnownChatTemplate(string? own, string? whyNot)
    {
        var isKnown = own is not null && Renders(own);
        _template = Encoding.UTF8.GetBytes((isKnown ? own : "chatml") + "\0");
        if (whyNot is not null)
            WhyNotOwn = $"{whyNot}; {(isKnown ? "llama.cpp's template of that look" : "ChatML")} stands in for it";
    }

    /// <inheritdoc/>
    public string? WhyNotOwn { get; }

    /// <inheritdoc/>
    public string Render(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null)
    {
        if (!messages.Any(m => m.Content.Contains('\0', StringComparison.Ordinal))) return RenderWhole(messages);
        // C's strings end there: a noncharacter that no message has goes in its place.
        var stand = Enumerable.Range(0xFDD0, 32).Select(c => (char)c)
            .FirstOrDefault(c => !messages.Any(m => m.Content.Contains(c, StringComparison.Ordinal)));
        var standing = messages.Select(m => m with { Content = m.Content.Replace('\0', stand) });
        return RenderWhole([.. standing]).Replace(stand, '\0');
    }

    private string RenderWhole(IReadOnlyList<RequestMessage> messages)
    {
        var size = 256 + (2 * messages.Sum(m => Encoding.UTF8.GetByteCount(m.Content) + m.Role.Length + 64));
        var buffer = new byte[size];
        var length = Apply(_template, messages, buffer);
        if (length > buffer.Length)
        {
            buffer = new byte[length];
            length = Apply(_template, messages, buffer);
        }

        return length < 0
            ? throw new InvalidOperationException("a template that rendered before does not render now")
            : Encoding.UTF8.GetString(buffer, 0, length);
    }

    private static bool Renders(string template) =>
        Apply(Encoding.UTF8.GetBytes(template + "\0"), [new("user", "x")], new byte[1024]) >= 0;

    private static unsafe int Apply(
        byte[] template, IReadOnlyList<RequestMessage> messages, byte[] buffer)
    {
        var native = new LlamaChatMessage[messages.Count];
        try
        {
            for (var i = 0; i < native.Length; i++)
            {
                native[i].Role = (byte*)Marshal.StringToCoTaskMemUTF8(messages[i].Role);
                native[i].Content = (byte*)Marshal.StringToCoTaskMemUTF8(messages[i].Content);
            }

            fixed (byte* name = template)
            fixed (LlamaChatMessage* chat = native)
            fixed (byte* target = buffer)
                return Llama.ApplyChatTemplate(name, chat, (nuint)native.Length, 1, target, buffer.Length);
        }
        finally
        {
            foreach (var message in native)
            {
                Marshal.FreeCoTaskMem((nint)message.Role);
                Marshal.FreeCoTaskMem((nint)message.Content);
            }
        }
    }
}
