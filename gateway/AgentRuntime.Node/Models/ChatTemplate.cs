using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Models;

/// <summary>
/// Renders a conversation into the text that a model was trained on: the template of its GGUF where llama.cpp knows
/// it, else ChatML. Thread-safe.
/// </summary>
internal sealed class ChatTemplate : IChatTemplate
{
    private readonly byte[] _template;

    public ChatTemplate(LoadedModel model)
    {
        var own = model.ChatTemplate();
        _template = Encoding.UTF8.GetBytes((own is not null && Renders(own) ? own : "chatml") + "\0");
    }

    /// <summary>The text, ending where the assistant's turn begins.</summary>
    public string Render(IReadOnlyList<(string Role, string Content)> messages)
    {
        if (!messages.Any(m => m.Content.Contains('\0', StringComparison.Ordinal))) return RenderWhole(messages);
        // C's strings end there: a noncharacter that no message has goes in its place.
        var stand = Enumerable.Range(0xFDD0, 32).Select(c => (char)c)
            .FirstOrDefault(c => !messages.Any(m => m.Content.Contains(c, StringComparison.Ordinal)));
        return RenderWhole([.. messages.Select(m => (m.Role, m.Content.Replace('\0', stand)))]).Replace(stand, '\0');
    }

    private string RenderWhole(IReadOnlyList<(string Role, string Content)> messages)
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
        Apply(Encoding.UTF8.GetBytes(template + "\0"), [("user", "x")], new byte[1024]) >= 0;

    private static unsafe int Apply(
        byte[] template, IReadOnlyList<(string Role, string Content)> messages, byte[] buffer)
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
