namespace AgentRuntime.Policies.Cedar;

/// <summary>Collects what a validation finds, each thing once however many environments show it.</summary>
internal sealed class ValidationReport
{
    private readonly HashSet<CedarDiagnostic> _known = [];
    private readonly List<CedarDiagnostic> _list = [];
    private int _silenced;

    public IReadOnlyList<CedarDiagnostic> Diagnostics => _list;

    public void Add(
        CedarPolicy policy,
        SourcePosition position,
        string code,
        string message,
        string? suggestion = null,
        CedarSeverity severity = CedarSeverity.Error)
    {
        if (_silenced > 0) return;
        var diagnostic = new CedarDiagnostic(severity, code, message, position, policy.Id, suggestion);
        if (_known.Add(diagnostic)) _list.Add(diagnostic);
    }

    /// <summary>Until it is disposed of, nothing is noted.</summary>
    public Silencer Silence() => new(this);

    internal readonly ref struct Silencer
    {
        private readonly ValidationReport _report;

        public Silencer(ValidationReport report)
        {
            _report = report;
            _report._silenced++;
        }

        public void Dispose() => _report._silenced--;
    }
}
