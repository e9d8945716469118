using System.Text.Json;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Turns a call's arguments into the Cedar record that policies see. What does not fit the pinned schema is refused
/// before any policy looks at it: a wrong type would make conditions fail to evaluate, and a property given twice could
/// show the policy one value and the tool another. Stateless.
/// </summary>
internal static class ArgumentReader
{
    public const int MaxItems = 10_000;

    /// <summary>The record; null with what does not fit and where.</summary>
    public static CedarRecord? Read(ObjectShape shape, JsonElement arguments, out string? problem)
    {
        var budget = MaxItems;
        if (arguments.ValueKind != JsonValueKind.Object)
        {
            problem = "the arguments are not an object";
            return null;
        }

        try
        {
            return ReadObject(shape, arguments, "", ref budget, out problem);
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate in a name; TryText looks after those in texts.
            problem = "the name of an argument is not valid text";
            return null;
        }
    }

    private static CedarRecord? ReadObject(
        ObjectShape shape, JsonElement value, string path, ref int budget, out string? problem)
    {
        problem = null;
        var attributes = new (string, CedarValue)[shape.Properties.Count];
        var seen = new bool[shape.Properties.Count];
        var count = 0;
        foreach (var member in value.EnumerateObject())
        {
            var index = IndexOf(shape, member);
            if (index < 0)
            {
                problem = CheckUnlisted(shape, member.Name, path);
                if (problem is not null)
                    return null;
                continue;
            }

            var property = shape.Properties[index];
            if (seen[index])
            {
                problem = $"'{path}{property.Name}' is given twice";
                return null;
            }

            seen[index] = true;
            if (property.Shape is OpaqueShape || (member.Value.ValueKind == JsonValueKind.Null && !property.Required))
                continue;
            if (!TryRead(
                property.Shape, member.Value, path + property.Name, ref budget, out var converted, out problem))
                return null;
            attributes[count++] = (property.Name, converted);
        }

        for (var i = 0; i < seen.Length; i++)
        {
            if (seen[i] || !shape.Properties[i].Required)
                continue;
            problem = $"'{path}{shape.Properties[i].Name}' is missing";
            return null;
        }

        return CedarRecord.Create(attributes.AsSpan(0, count));
    }

    private static int IndexOf(ObjectShape shape, JsonProperty member)
    {
        for (var i = 0; i < shape.Properties.Count; i++)
        {
            if (member.NameEquals(shape.Properties[i].Name))
                return i;
        }

        return -1;
    }

    // A tool that reads names without regard to case would take 'Amount' for the 'amount' that the policy never saw.
    private static string? CheckUnlisted(ObjectShape shape, string name, string path)
    {
        if (!shape.Open)
            return $"'{path}{name}' is not in the tool's schema";
        var folded = NameFolding.Fold(name);
        foreach (var property in shape.Properties)
        {
            if (NameFolding.Fold(property.Name) == folded)
                return $"'{path}{name}' differs from '{property.Name}' only in case";
        }

        return null;
    }

    private static bool TryRead(
        ArgumentShape shape, JsonElement value, string path, ref int budget, out CedarValue result, out string? problem)
    {
        result = default;
        problem = null;
        if (--budget < 0)
        {
            problem = $"the arguments hold more than {MaxItems} values";
            return false;
        }

        switch (shape)
        {
            case TextShape when value.ValueKind == JsonValueKind.String:
                return TryText(value, path, out result, out problem);
            case IntegerShape when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var integer):
                result = CedarValue.Long(integer);
                return true;
            case FlagShape when value.ValueKind is JsonValueKind.True or JsonValueKind.False:
                result = CedarValue.Bool(value.ValueKind == JsonValueKind.True);
                return true;
            case NumberShape when value.ValueKind == JsonValueKind.Number
                && value.TryGetDecimal(out var number)
                && IsExact(value, number)
                && CedarValue.TryDecimal(number, out result):
                return true;
            case ListShape list when value.ValueKind == JsonValueKind.Array:
                return TryList(list, value, path, ref budget, out result, out problem);
            case ObjectShape record when value.ValueKind == JsonValueKind.Object:
                if (ReadObject(record, value, path + ".", ref budget, out problem) is not { } nested)
                    return false;
                result = CedarValue.Record(nested);
                return true;
            default:
                problem = $"'{path}' must be {shape.Kind}";
                return false;
        }
    }

    // Decimal rounds what has more than 28 digits: 5.00000000000000000000000000001 must not pass for 5.
    private static bool IsExact(JsonElement value, decimal number) =>
        number.Scale < 28 && value.GetRawText().Length <= 32;

    private static bool TryText(JsonElement value, string path, out CedarValue result, out string? problem)
    {
        problem = null;
        try
        {
            result = CedarValue.String(value.GetString()!);
            return true;
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate: no text that a tool and a policy would read alike.
            result = default;
            problem = $"'{path}' is not valid text";
            return false;
        }
    }

    private static bool TryList(
        ListShape list, JsonElement value, string path, ref int budget, out CedarValue result, out string? problem)
    {
        result = default;
        problem = null;
        var items = new List<CedarValue>();
        foreach (var item in value.EnumerateArray())
        {
            if (!TryRead(list.Element, item, path + "[]", ref budget, out var converted, out problem))
                return false;
            items.Add(converted);
        }

        result = CedarValue.Set(CedarSet.Create(items));
        return true;
    }
}
