using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Expressions in the policies' JSON (Cedar reference, "JSON policy format"). Depth is the document's.
/// </summary>
internal static class ExprJsonReader
{
    public static Expr Read(JsonElement element)
    {
        var (name, body) = Field(element);
        switch (name)
        {
            case "Value": return FromValue(body);
            case "Var":
                var variable = Operators.VariableByName(JsonReading.String(body, "`Var`"));
                return variable != Variable.None
                    ? new VariableExpr(variable)
                    : throw new CedarJsonException($"`{body}` is not a variable");
            case "Slot": throw new CedarJsonException("a slot can only stand in the head of a template");
            case "!": return new UnaryExpr(UnaryOperator.Not, Argument(body, name));
            case "neg": return new UnaryExpr(UnaryOperator.Negate, Argument(body, name));
            case "isEmpty": return new UnaryExpr(UnaryOperator.IsEmpty, Argument(body, name));
            case "&&" or "||": return ReadLogical(body, name);
            case ".":
                JsonReading.OnlyKnown(body, "`.`", "left", "attr");
                return new AttributeExpr(Child(body, "left", name), Text(body, "attr", name));
            case "has": return ReadHas(body);
            case "like":
                JsonReading.OnlyKnown(body, "`like`", "left", "pattern");
                var pattern = JsonReading.Property(body, "pattern", "`like`");
                return new LikeExpr(Child(body, "left", name), ReadPattern(pattern));
            case "is":
                JsonReading.OnlyKnown(body, "`is`", "left", "entity_type", "in");
                var type = JsonReading.Name(JsonReading.Property(body, "entity_type", "`is`"), "`entity_type`");
                var within = JsonReading.Optional(body, "in", "`is`");
                return new IsExpr(Child(body, "left", name), type, within is { } at ? Read(at) : null);
            case "if-then-else":
                JsonReading.OnlyKnown(body, "`if-then-else`", "if", "then", "else");
                return new IfExpr(Child(body, "if", name), Child(body, "then", name), Child(body, "else", name));
            case "Set": return new SetExpr(ReadAll(body, "`Set`"));
            case "Record": return ReadRecord(body);
            default: break;
        }

        if (Operators.BinaryByName.TryGetValue(name, out var binary))
        {
            JsonReading.OnlyKnown(body, $"`{name}`", "left", "right");
            return new BinaryExpr(binary, Child(body, "left", name), Child(body, "right", name));
        }

        if (!ExtensionFunction.ByName.TryGetValue(name, out var function))
            throw new CedarJsonException($"there is no operator or function `{name}`");
        var arguments = ReadAll(body, $"`{name}`");
        if (function.IsMethod && arguments.Length == 0) throw new CedarJsonException($"`{name}` lacks its receiver");
        return new CallExpr(function, arguments);
    }

    /// <summary>A value as the expression that makes it.</summary>
    public static Expr FromValue(CedarValue value)
    {
        switch (value.Kind)
        {
            case CedarValueKind.Set:
                return new SetExpr([.. value.AsSet().Values.ToArray().Select(FromValue)]);
            case CedarValueKind.Record:
                var record = value.AsRecord();
                return new RecordExpr([.. record.Keys], [.. record.Values.ToArray().Select(FromValue)]);
            case CedarValueKind.Decimal or CedarValueKind.IpAddress or CedarValueKind.Duration:
                return Call(ValueText.ExtensionConstructor(value.Kind),
                    CedarValue.String(ValueText.ExtensionArgument(value)));
            case CedarValueKind.Datetime:
                if (CedarDatetime.IsWritable(value.Bits))
                    return Call("datetime", CedarValue.String(CedarDatetime.Format(value.Bits)));
                // Beyond year 9999 no text is a datetime, but an offset from the epoch is.
                var epoch = Call("datetime", CedarValue.String("1970-01-01"));
                var offset = Call("duration", CedarValue.String(CedarDuration.Format(value.Bits)));
                return new CallExpr(ExtensionFunction.ByName["offset"], [epoch, offset]);
            default: return new LiteralExpr(value);
        }
    }

    private static CallExpr Call(string name, CedarValue argument) =>
        new(ExtensionFunction.ByName[name], [new LiteralExpr(argument)]);

    private static Expr FromValue(JsonElement body) => FromValue(JsonValues.Read(body));

    private static (string Name, JsonElement Body) Field(JsonElement element)
    {
        var field = JsonReading.Single(element, "an expression");
        return (field.Name, field.Value);
    }

    private static Expr Argument(JsonElement body, string name)
    {
        JsonReading.OnlyKnown(body, $"`{name}`", "arg");
        return Child(body, "arg", name);
    }

    private static Expr Child(JsonElement body, string field, string name) =>
        Read(JsonReading.Property(body, field, $"`{name}`"));

    private static string Text(JsonElement body, string field, string name) =>
        JsonReading.String(JsonReading.Property(body, field, $"`{name}`"), $"`{field}` of `{name}`");

    // What leans to the left is one chain, as in text.
    private static LogicalExpr ReadLogical(JsonElement body, string name)
    {
        JsonReading.OnlyKnown(body, $"`{name}`", "left", "right");
        var (isAnd, left, right) = (name == "&&", Child(body, "left", name), Child(body, "right", name));
        return left is LogicalExpr chain && chain.IsAnd == isAnd
            ? new(isAnd, [.. chain.Operands, right])
            : new(isAnd, [left, right]);
    }

    private static HasExpr ReadHas(JsonElement body)
    {
        JsonReading.OnlyKnown(body, "`has`", "left", "attr");
        var attribute = JsonReading.Property(body, "attr", "`has`");
        var path = attribute.ValueKind == JsonValueKind.Array
            ? attribute.EnumerateArray().Select(a => JsonReading.String(a, "`attr`")).ToArray()
            : [JsonReading.String(attribute, "`attr`")];
        if (path.Length == 0) throw new CedarJsonException("`attr` is empty");
        return new(Child(body, "left", "has"), path);
    }

    private static LikePattern ReadPattern(JsonElement element)
    {
        var pieces = new List<string> { "" };
        foreach (var part in JsonReading.Array(element, "`pattern`"))
        {
            if (part.ValueKind == JsonValueKind.String && part.ValueEquals("Wildcard")) pieces.Add("");
            else if (part.ValueKind == JsonValueKind.Object) pieces[^1] += Text(part, "Literal", "pattern");
            else throw new CedarJsonException("a pattern holds `Wildcard` and `Literal`");
        }

        return new([.. pieces]);
    }

    private static Expr[] ReadAll(JsonElement body, string what) => [.. JsonReading.Array(body, what).Select(Read)];

    private static RecordExpr ReadRecord(JsonElement body)
    {
        var keys = new List<string>();
        var values = new List<Expr>();
        foreach (var property in JsonReading.Object(body, "`Record`"))
        {
            keys.Add(property.Name);
            values.Add(Read(property.Value));
        }

        return new([.. keys], [.. values]);
    }
}
