using System.Buffers;
using System.Text.Json;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Gateway.Tokens;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Gateway;

/// <summary>
/// The tokenizer and chat template of a Hugging Face model, as vLLM and SGLang send them. Thread-safe.
/// </summary>
internal sealed class HuggingFaceVocabulary : EngineVocabulary
{
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly ChatTemplates _templates;
    private readonly string[] _controls;
    private readonly SearchValues<string> _anyControl;

    private HuggingFaceVocabulary(HuggingFaceTokenizer tokenizer, ChatTemplates templates)
    {
        _tokenizer = tokenizer;
        _templates = templates;
        _controls = [.. tokenizer.ControlTexts.Where(c => c.Length > 1)];
        _anyControl = SearchValues.Create(_controls, StringComparison.Ordinal);
    }

    public override ToolCallSyntax Tools => _templates.Tools;

    /// <exception cref="InvalidDataException">The files are not ones that can be used; says why.</exception>
    public static HuggingFaceVocabulary Read(ModelArchive archive, TimeProvider time)
    {
        var file = archive["tokenizer.json"] ?? throw new InvalidDataException("it has no tokenizer.json");
        return new(HuggingFaceTokenizer.Read(file), ChatTemplates.Read(archive, time));
    }

    public override int[] Chat(JsonElement body, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var values = ChatValues.Read(body, Neutral, _templates.ReadsParts);
            // The template spells the tokens that begin the input itself.
            return [.. _tokenizer.Encode(_templates.Render(values), addSpecial: false)];
        }
        catch (JinjaException e) when (e.RaisedByTemplate)
        {
            throw LegRefusal.Malformed($"the model's chat template refuses the messages: {e.Message}");
        }
        catch (JinjaException e)
        {
            throw LegRefusal.Malformed($"the model's chat template fails on the messages: {e.Message}");
        }
        catch (InvalidDataException e)
        {
            throw LegRefusal.Malformed(e.Message);
        }
    }

    public override int[] Prompt(string text) => Encode(text, addSpecial: true);

    public override int[] Bare(string text) => Encode(text, addSpecial: false);

    public override ReadOnlyMemory<byte> BytesOf(int token) => _tokenizer.BytesOf(token);

    public override bool IsControl(int token) => _tokenizer.IsControl(token);

    private int[] Encode(string text, bool addSpecial)
    {
        try
        {
            return [.. _tokenizer.Encode(text, addSpecial)];
        }
        catch (InvalidDataException e)
        {
            throw LegRefusal.Malformed(e.Message);
        }
    }

    /// <summary>
    /// Text in which no control token is spelled: otherwise a message or a tool's result could end its own turn and
    /// speak as someone else. A zero-width space behind the first character breaks the spelling, as the bundled node
    /// does it.
    /// </summary>
    private string Neutral(string text)
    {
        if (!text.AsSpan().ContainsAny(_anyControl))
            return text;
        foreach (var control in _controls)
        {
            if (text.Contains(control, StringComparison.Ordinal))
                text = text.Replace(control, control[..1] + '\u200B' + control[1..], StringComparison.Ordinal);
        }

        return text;
    }
}
