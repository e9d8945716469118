using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Values in the entities' JSON (Cedar reference, "Entities and context syntax"). With a type from a schema the escapes
/// <c>__entity</c> and <c>__extn</c> may be left out. Depth is bounded by the document's.
/// </summary>
internal static class JsonValues
{
    public static CedarValue Read(JsonElement element, CedarType? expected = null)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.True: return CedarValue.True;
            case JsonValueKind.False: return CedarValue.False;
            case JsonValueKind.Number: return CedarValue.Long(JsonReading.Long(element, "a number"));
            case JsonValueKind.String: return ReadText(JsonReading.String(element, "a value"), expected);
            case JsonValueKind.Array:
                var values = new List<CedarValue>(element.GetArrayLength());
                var member = (expected as SetType)?.Element;
                foreach (var item in element.EnumerateArray()) values.Add(Read(item, member));
                return CedarValue.Set(CedarSet.Create(values));
            case JsonValueKind.Object: return ReadObject(element, expected);
            default: throw new CedarJsonException("Cedar has no null");
        }
    }

    public static CedarRecord ReadRecord(JsonElement element, RecordType? expected, string what)
    {
        var keys = new List<string>();
        var values = new List<CedarValue>();
        foreach (var property in JsonReading.Object(element, what))
        {
            CedarType? type = null;
            if (expected is not null && expected.Attributes.TryGetValue(property.Name, out var attribute))
                type = attribute.Type;
            keys.Add(property.Name);
            values.Add(Read(property.Value, type));
        }

        return CedarRecord.CreateOwned([.. keys], [.. values]);
    }

    public static EntityUid ReadUid(JsonElement element, string what)
    {
        if (JsonReading.Optional(element, "__entity", what) is { } inner)
        {
            JsonReading.OnlyKnown(element, what, "__entity");
            element = inner;
        }

        JsonReading.OnlyKnown(element, what, "type", "id");
        var type = JsonReading.Name(JsonReading.Property(element, "type", what), $"the type of {what}");
        return new(type, JsonReading.String(JsonReading.Property(element, "id", what), $"the id of {what}"),
            trusted: true);
    }

    private static CedarValue ReadText(string text, CedarType? expected)
    {
        if (expected is not ExtensionType extension) return CedarValue.String(text);
        return Construct(ValueText.ExtensionConstructor(extension.Kind), text);
    }

    private static CedarValue ReadObject(JsonElement element, CedarType? expected)
    {
        if (element.TryGetProperty("__entity", out _))
            return CedarValue.Entity(ReadUid(element, "an entity reference"));
        if (element.TryGetProperty("__extn", out var call))
        {
            JsonReading.OnlyKnown(element, "an extension value", "__extn");
            return ReadCall(call);
        }

        if (element.TryGetProperty("__expr", out _)) throw new CedarJsonException("`__expr` is no longer read");
        if (expected is EntityType or AnyEntityType) return CedarValue.Entity(ReadUid(element, "an entity reference"));
        if (expected is ExtensionType && element.TryGetProperty("fn", out _)) return ReadCall(element);
        return CedarValue.Record(ReadRecord(element, expected as RecordType, "a record"));
    }

    private static CedarValue ReadCall(JsonElement call)
    {
        const string what = "an extension value";
        JsonReading.OnlyKnown(call, what, "fn", "arg", "args");
        var name = JsonReading.String(JsonReading.Property(call, "fn", what), "`fn`");
        if (JsonReading.Optional(call, "arg", what) is { } single)
            return Construct(name, JsonReading.String(single, $"the argument of `{name}`"));
        var arguments = new List<CedarValue>();
        foreach (var argument in JsonReading.Array(JsonReading.Property(call, "args", what), "`args`"))
            arguments.Add(Read(argument));
        if (arguments is [{ Kind: CedarValueKind.String } text]) return Construct(name, text.AsString());
        // What the reference implementation writes for a datetime: an offset from the epoch.
        if (name == "offset" && arguments is
            [{ Kind: CedarValueKind.Datetime } time, { Kind: CedarValueKind.Duration } span])
        {
            var moved = (Int128)time.Bits + span.Bits;
            if (moved >= long.MinValue && moved <= long.MaxValue)
                return CedarValue.DatetimeFromMilliseconds((long)moved);
        }

        throw new CedarJsonException($"`{name}` cannot be called so in data");
    }

    private static CedarValue Construct(string name, string text)
    {
        if (!ExtensionFunction.ByName.TryGetValue(name, out var function) || !function.IsConstructor)
            throw new CedarJsonException($"there is no extension constructor `{name}`");
        return ExtensionValues.TryConstruct(function.Code, text, out var value)
            ? value
            : throw new CedarJsonException($"`{text}` is not a valid {name}");
    }
}
