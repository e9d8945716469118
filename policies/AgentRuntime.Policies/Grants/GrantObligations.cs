using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>What a grant changes about the calls that it allows. Immutable.</summary>
/// <param name="Caps">Integer arguments and the most that is sent of each.</param>
/// <param name="Redacted">Text arguments that are not sent.</param>
/// <param name="Label">The labels that the run carries afterwards.</param>
internal sealed record GrantObligations(
    IReadOnlyList<KeyValuePair<string, long>> Caps, IReadOnlyList<string> Redacted, DataLabels? Label)
{
    /// <summary>What is sent in place of a redacted text.</summary>
    public const string Redaction = "[redacted]";

    /// <summary>The obligations that a call with these arguments really has.</summary>
    public List<Obligation> For(CedarRecord input)
    {
        var obligations = new List<Obligation>();
        foreach (var (name, most) in Caps)
        {
            if (input.TryGetValue(name, out var value) && value.AsLong() > most)
                obligations.Add(new Obligation.Cap(name, most));
        }

        obligations.AddRange(Redacted.Where(input.ContainsKey).Select(name => new Obligation.Redact(name)));
        if (Label is { } label)
        {
            if (!label.Trusted)
                obligations.Add(new Obligation.AddLabel("untrusted"));
            if (label.Confidentiality > Confidentiality.Public)
                obligations.Add(new Obligation.AddLabel(ConfidentialityNames.Of(label.Confidentiality)));
        }

        return obligations;
    }

    /// <summary>The arguments as they must be sent; null when they are what was asked.</summary>
    public static JsonElement? Rewrite(JsonElement arguments, IReadOnlyList<Obligation> obligations)
    {
        if (!obligations.Any(o => o is Obligation.Cap or Obligation.Redact))
            return null;

        // Put together from what was written: an escape that stands for no text can be copied, and not read.
        var buffer = new ArrayBufferWriter<byte>();
        var isChanged = false;
        foreach (var member in arguments.EnumerateObject())
        {
            buffer.Write(buffer.WrittenCount == 0 ? "{\""u8 : ",\""u8);
            buffer.Write(JsonMarshal.GetRawUtf8PropertyName(member));
            buffer.Write("\":"u8);
            var other = OtherValue(member, obligations);
            isChanged |= other is not null;
            buffer.Write(other ?? JsonMarshal.GetRawUtf8Value(member.Value));
        }

        if (!isChanged)
            return null;
        buffer.Write("}"u8);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    /// <summary>The arguments as history counts them: as they are sent.</summary>
    public static CedarRecord Rewrite(CedarRecord input, IReadOnlyList<Obligation> obligations)
    {
        foreach (var obligation in obligations)
        {
            if (obligation is Obligation.Cap cap)
                input = input.With(cap.Argument, cap.Most);
        }

        return input;
    }

    /// <summary>The value that a member gets, as JSON; null when it keeps its own.</summary>
    private static byte[]? OtherValue(JsonProperty member, IReadOnlyList<Obligation> obligations)
    {
        foreach (var obligation in obligations)
        {
            switch (obligation)
            {
                case Obligation.Cap cap when IsNamed(member, cap.Argument):
                    return Encoding.UTF8.GetBytes(cap.Most.ToString(CultureInfo.InvariantCulture));
                case Obligation.Redact redact when IsNamed(member, redact.Argument):
                    return Encoding.UTF8.GetBytes($"\"{Redaction}\"");
                default:
                    break;
            }
        }

        return null;
    }

    private static bool IsNamed(JsonProperty member, string name)
    {
        try
        {
            return member.NameEquals(name);
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate is in its name, so it is none that a schema lists.
            return false;
        }
    }
}
