using System.Text;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Gateway;

/// <summary>One choice of an answer while its tokens come. Not thread-safe.</summary>
internal sealed class AnswerChoice(
    TokenText text, IToolCallReader? tools, EngineVocabulary vocabulary, bool showControl)
{
    private readonly List<WrittenToolCall> _calls = [];
    private int _nextCall;

    /// <summary>Whether something of it was written.</summary>
    public bool Begun { get; set; }

    /// <summary>Tokens so far.</summary>
    public long Tokens { get; set; }

    /// <summary>Characters that were written.</summary>
    public int Written { get; set; }

    /// <summary>Text that is not written yet.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>Probabilities that are not written yet.</summary>
    public List<TokenProbability> Probabilities { get; } = [];

    /// <summary>Why it ended; null while it has not.</summary>
    public string? FinishReason { get; private set; }

    public bool HasNews => Text.Length > 0 || Probabilities.Count > 0 || _nextCall < _calls.Count;

    public void Add(IEnumerable<uint> tokens)
    {
        foreach (var token in tokens)
        {
            var id = unchecked((int)token);
            Tokens++;
            if (!vocabulary.IsControl(id) || showControl || IsMarker(id))
                Take(text.Append(vocabulary.BytesOf(id).Span), last: false);
        }
    }

    public void End(string reason)
    {
        Take(text.Complete(), last: true);
        FinishReason = _calls.Count > 0 && reason == "stop" ? "tool_calls" : reason;
    }

    /// <summary>The calls that are not written yet, with their numbers.</summary>
    public IEnumerable<(int Index, WrittenToolCall Call)> TakeCalls()
    {
        for (; _nextCall < _calls.Count; _nextCall++)
            yield return (_nextCall, _calls[_nextCall]);
    }

    public bool HasCalls => _nextCall < _calls.Count;

    /// <summary>A call's id, the same for the same call.</summary>
    public static string CallId(string requestId, uint choice, int call) =>
        ToolCallId.Of($"{requestId} {choice} {call}");

    private bool IsMarker(int token) =>
        tools is not null && tools.Markers.Contains(Encoding.UTF8.GetString(vocabulary.BytesOf(token).Span));

    private void Take(string more, bool last)
    {
        if (tools is null)
        {
            Text.Append(more);
            return;
        }

        var (plain, calls) = tools.Append(more, last);
        Text.Append(plain);
        _calls.AddRange(calls);
    }
}
