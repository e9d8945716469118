using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgentRuntime.Policies.Cedar;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>What an approval of a grant's calls covers. Immutable.</summary>
/// <param name="Within">How long it holds.</param>
/// <param name="Same">The arguments that must be those that were approved; empty when all must be, to the
/// letter.</param>
internal sealed record ApprovalScope(TimeSpan Within, IReadOnlyList<string> Same)
{
    /// <summary>
    /// For a grant or a permit that says no more than that approval is needed: this very call, for 15 minutes.
    /// </summary>
    public static ApprovalScope Default { get; } = new(TimeSpan.FromMinutes(15), []);

    public string Describe() =>
        Same.Count == 0
            ? $"an approval of this very call within {YamlSection.Describe(Within)}"
            : $"an approval with the same {string.Join(" and ", Same)} within {YamlSection.Describe(Within)}";
}

/// <summary>
/// The approvals that people gave in one run. Each covers one call: it is spent when a call is allowed by it, and comes
/// back when that call was never sent. Called with the run's lock held.
/// </summary>
internal sealed class Approvals
{
    public const int MaxKept = 1_000;

    private readonly List<Approval> _given = [];

    public bool Any => _given.Count > 0;

    /// <summary>Keeps an approval; when there are too many, the one given first is forgotten.</summary>
    public void Record(string tool, CedarRecord input, JsonElement arguments, DateTimeOffset at)
    {
        if (_given.Count == MaxKept)
            _given.RemoveAt(0);
        _given.Add(new(tool, input, Digest(arguments), at));
    }

    /// <summary>An unspent approval that covers a call; null when there is none.</summary>
    public Approval? Find(ApprovalScope scope, in HistoryCall call, JsonElement arguments)
    {
        string? digest = null;
        foreach (var approval in _given)
        {
            if (!approval.Spent && Covers(approval, scope, call, arguments, ref digest))
                return approval;
        }

        return null;
    }

    private static bool Covers(
        Approval approval, ApprovalScope scope, in HistoryCall call, JsonElement arguments, ref string? digest)
    {
        if (approval.Tool != call.Tool || approval.At > call.At || call.At - approval.At > scope.Within)
            return false;
        return scope.Same.Count == 0
            ? approval.Digest == (digest ??= Digest(arguments))
            : scope.Same.All(SameIn(approval.Input, call.Input));
    }

    private static Func<string, bool> SameIn(CedarRecord approved, CedarRecord asked) =>
        name => approved.TryGetValue(name, out var was) && asked.TryGetValue(name, out var now) && was == now;

    // Over the arguments as they will be sent, and not over what policies see: a part that has no Cedar type counts
    // too.
    private static string Digest(JsonElement arguments)
    {
        var text = new StringBuilder();
        Canonical(text, arguments);
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static void Canonical(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var member in value.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal))
                {
                    text.Append(JsonEncodedText.Encode(member.Name).ToString()).Append(':');
                    Canonical(text, member.Value);
                    text.Append(',');
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var item in value.EnumerateArray())
                {
                    Canonical(text, item);
                    text.Append(',');
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                text.Append('"').Append(Text(value)).Append('"');
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }

    // A lone surrogate has no text; where policies do not look it may stand, and is compared as it is written.
    private static string Text(JsonElement value)
    {
        try
        {
            return JsonEncodedText.Encode(value.GetString()!).ToString();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            return value.GetRawText();
        }
    }

    internal sealed class Approval(string tool, CedarRecord input, string digest, DateTimeOffset at)
    {
        public string Tool => tool;

        public CedarRecord Input => input;

        public string Digest => digest;

        public DateTimeOffset At => at;

        public bool Spent { get; set; }

        /// <summary>Whether it covers a call as far as <paramref name="scope"/> goes.</summary>
        public bool Covers(ApprovalScope scope, in HistoryCall call, JsonElement arguments)
        {
            string? asked = null;
            return Approvals.Covers(this, scope, call, arguments, ref asked);
        }
    }
}
