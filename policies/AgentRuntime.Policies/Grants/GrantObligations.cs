using System.Buffers;
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
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in arguments.EnumerateObject())
                Write(writer, member, obligations);
            writer.WriteEndObject();
        }

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

    private static void Write(Utf8JsonWriter writer, JsonProperty member, IReadOnlyList<Obligation> obligations)
    {
        foreach (var obligation in obligations)
        {
            switch (obligation)
            {
                case Obligation.Cap cap when member.NameEquals(cap.Argument):
                    writer.WriteNumber(cap.Argument, cap.Most);
                    return;
                case Obligation.Redact redact when member.NameEquals(redact.Argument):
                    writer.WriteString(redact.Argument, Redaction);
                    return;
                default:
                    break;
            }
        }

        member.WriteTo(writer);
    }
}
