using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// What a run has done so far, in numbers and labels: what every policy sees as <c>context.history</c>. Labels only
/// rise (a high-water mark): a guest's memory is opaque, so whatever came in may be in whatever goes out. Not
/// thread-safe; <see cref="RunHistory"/> holds its lock.
/// </summary>
internal sealed class RunFigures(bool inputTrusted, Confidentiality inputConfidentiality)
{
    private readonly Dictionary<string, ToolFigures> _tools = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _sources = new(StringComparer.Ordinal);
    private readonly int[] _confidential = new int[4];
    private int _untrusted;
    private CedarSet? _sourceSet;

    public long ToolCalls { get; private set; }

    public long ModelCalls { get; set; }

    public long Failures { get; private set; }

    /// <summary>Nothing untrusted came in or is on its way.</summary>
    public bool IsTrusted => inputTrusted && _untrusted == 0;

    /// <summary>The most confidential of what came in or is on its way.</summary>
    public Confidentiality Confidentiality
    {
        get
        {
            for (var level = Confidentiality.User; level > inputConfidentiality; level--)
            {
                if (_confidential[(int)level] > 0)
                    return level;
            }

            return inputConfidentiality;
        }
    }

    /// <summary>The run carries labels that no result brought; they stay even if the call is never sent.</summary>
    public void Raise(DataLabels labels)
    {
        if (!labels.Trusted)
            _untrusted++;
        _confidential[(int)labels.Confidentiality]++;
    }

    public ToolFigures Of(string tool)
    {
        if (!_tools.TryGetValue(tool, out var figures))
            _tools.Add(tool, figures = new());
        return figures;
    }

    /// <summary>A call is in flight: its result may come in at any moment, so its labels count from now.</summary>
    public void Begin(ToolEntry tool)
    {
        ToolCalls++;
        Of(tool.Pin.Name).Calls++;
        Label(tool, 1);
    }

    /// <summary>
    /// Memory is used, or with -1 was not after all. What is read brings the labels of its bucket, for another run may
    /// have written it after anything.
    /// </summary>
    public void Count(MemoryEntry memory, string counted, int change)
    {
        Of(counted).Calls += change;
        if (counted == memory.Reads)
            Label(memory.Definition.Contents, change);
    }

    public void End(ToolEntry tool, CallOutcome outcome)
    {
        if (outcome == CallOutcome.NotSent)
        {
            ToolCalls--;
            Of(tool.Pin.Name).Calls--;
            Label(tool, -1);
        }
        else if (outcome != CallOutcome.Succeeded)
        {
            // An error's text comes from the tool as well: its labels stay.
            Failures++;
            Of(tool.Pin.Name).Failures++;
        }
    }

    /// <summary>The record that policies see for a call; <paramref name="holds"/> are the grants whose history
    /// conditions hold, and
    /// <paramref name="approved"/> tells whether a person approved this very call.</summary>
    public CedarRecord ToRecord(long calls, CedarSet holds, bool approved)
    {
        _sourceSet ??= CedarSet.Create(_sources.Keys.Select(CedarValue.String));
        return CedarRecord.Create(
            ("calls", calls),
            ("tool_calls", ToolCalls),
            ("model_calls", ModelCalls),
            ("failures", Failures),
            ("integrity", IsTrusted ? "trusted" : "untrusted"),
            ("confidentiality", ConfidentialityNames.Of(Confidentiality)),
            ("sources", _sourceSet),
            ("holds", holds),
            ("approved", approved));
    }

    private void Label(ToolEntry tool, int change)
    {
        Label(tool.Results, change);
        var count = _sources.GetValueOrDefault(tool.Pin.Server) + change;
        if (count == 0)
            _sources.Remove(tool.Pin.Server);
        else
            _sources[tool.Pin.Server] = count;
        if (count == 0 || (count == 1 && change == 1))
            _sourceSet = null;
    }

    private void Label(DataLabels labels, int change)
    {
        if (!labels.Trusted)
            _untrusted += change;
        _confidential[(int)labels.Confidentiality] += change;
    }

    /// <summary>What one tool has done in the run.</summary>
    internal sealed class ToolFigures
    {
        /// <summary>Calls that were allowed and were or may have been sent.</summary>
        public long Calls { get; set; }

        public long Failures { get; set; }
    }
}
