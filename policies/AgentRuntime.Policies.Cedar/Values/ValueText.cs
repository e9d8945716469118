using System.Globalization;
using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Values written as Cedar expressions, and extension values as the argument of their constructor.</summary>
internal static class ValueText
{
    public static string Write(CedarValue value)
    {
        if (value.Kind == CedarValueKind.String) return StringEscapes.Quote(value.AsString());
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    /// <summary>The string that the extension type's constructor takes.</summary>
    public static string ExtensionArgument(CedarValue value) => value.Kind switch
    {
        CedarValueKind.Decimal => CedarDecimal.Format(value.Bits),
        CedarValueKind.IpAddress => value.AsIpAddress().ToString(),
        CedarValueKind.Datetime => CedarDatetime.Format(value.Bits),
        CedarValueKind.Duration => CedarDuration.Format(value.Bits),
        _ => throw new ArgumentException($"{value.Kind} is not an extension type."),
    };

    public static string ExtensionConstructor(CedarValueKind kind) => kind switch
    {
        CedarValueKind.Decimal => "decimal",
        CedarValueKind.IpAddress => "ip",
        CedarValueKind.Datetime => "datetime",
        CedarValueKind.Duration => "duration",
        _ => throw new ArgumentException($"{kind} is not an extension type."),
    };

    // Values are no deeper than the JSON or the expression that they came from, which is bounded.
    private static void Append(StringBuilder text, CedarValue value)
    {
        switch (value.Kind)
        {
            case CedarValueKind.Bool:
                text.Append(value.AsBool() ? "true" : "false");
                break;
            case CedarValueKind.Long:
                text.Append(value.Bits.ToString(CultureInfo.InvariantCulture));
                break;
            case CedarValueKind.String:
                text.Append(StringEscapes.Quote(value.AsString()));
                break;
            case CedarValueKind.Entity:
                text.Append(value.AsEntity());
                break;
            case CedarValueKind.Set:
                text.Append('[');
                var first = true;
                foreach (var member in value.AsSet().Values)
                {
                    if (!first) text.Append(", ");
                    first = false;
                    Append(text, member);
                }

                text.Append(']');
                break;
            case CedarValueKind.Record:
                text.Append('{');
                var record = value.AsRecord();
                for (var i = 0; i < record.Count; i++)
                {
                    if (i > 0) text.Append(", ");
                    text.Append(StringEscapes.Quote(record.Keys[i])).Append(": ");
                    Append(text, record.Values[i]);
                }

                text.Append('}');
                break;
            case CedarValueKind.None:
                text.Append("<none>");
                break;
            default:
                text.Append(ExtensionConstructor(value.Kind)).Append("(\"");
                text.Append(ExtensionArgument(value)).Append("\")");
                break;
        }
    }
}
