using System.Text.Json;

namespace AgentRuntime.Policies;

/// <summary>
/// Derives the shape of a tool's arguments from its JSON Schema (2020-12, the part that tools use): string → String,
/// integer → Long, boolean → Bool, number → decimal, arrays → Set, objects → Record; <c>null</c> beside one other type
/// makes it optional; what has no Cedar type is opaque. Local <c>$ref</c>s are followed. Stateless.
/// </summary>
internal static class ShapeReader
{
    private const int MaxDepth = 12;
    private const int MaxProperties = 256;

    /// <summary>The shape of the arguments; null with the reason when the schema does not describe an object.</summary>
    public static ObjectShape? ReadArguments(JsonElement schema, out string? problem)
    {
        var budget = MaxProperties;
        var shape = Read(schema, schema, 0, ref budget, out _);
        problem = shape switch
        {
            ObjectShape => null,
            OpaqueShape opaque => $"policies could not see the arguments: {opaque.Why}",
            _ => "a tool's input schema must describe an object",
        };
        return shape as ObjectShape;
    }

    private static ArgumentShape Read(
        JsonElement schema, JsonElement root, int depth, ref int budget, out bool nullable)
    {
        nullable = false;
        if (depth > MaxDepth)
            return new OpaqueShape($"it is nested deeper than {MaxDepth}, or refers to itself");
        if (schema.ValueKind != JsonValueKind.Object)
            return new OpaqueShape("its schema allows anything");
        if (schema.TryGetProperty("$ref", out var reference))
        {
            return Resolve(reference, root) is { } target
                ? Read(target, root, depth + 1, ref budget, out nullable)
                : new OpaqueShape("its $ref leads out of the schema");
        }

        foreach (var union in (ReadOnlySpan<string>)["anyOf", "oneOf", "allOf", "not", "if"])
        {
            if (schema.TryGetProperty(union, out _))
                return new OpaqueShape($"its schema uses '{union}'");
        }

        return TypeOf(schema, out nullable) switch
        {
            "string" => new TextShape(),
            "integer" => new IntegerShape(),
            "boolean" => new FlagShape(),
            "number" => new NumberShape(),
            "array" => ReadList(schema, root, depth, ref budget),
            "object" => ReadObject(schema, root, depth, ref budget),
            _ => new OpaqueShape("its schema allows several types"),
        };
    }

    private static ArgumentShape ReadList(JsonElement schema, JsonElement root, int depth, ref int budget)
    {
        if (!schema.TryGetProperty("items", out var items) || schema.TryGetProperty("prefixItems", out _))
            return new OpaqueShape("its items have no one schema");
        var element = Read(items, root, depth + 1, ref budget, out var nullable);
        return element is OpaqueShape ? element
            : nullable ? new OpaqueShape("its items may be null")
            : new ListShape(element);
    }

    private static ArgumentShape ReadObject(JsonElement schema, JsonElement root, int depth, ref int budget)
    {
        if (schema.TryGetProperty("patternProperties", out _))
            return new OpaqueShape("its schema uses 'patternProperties'");
        var open = schema.TryGetProperty("additionalProperties", out var more) && more.ValueKind != JsonValueKind.False;
        if (!schema.TryGetProperty("properties", out var properties) || properties.ValueKind != JsonValueKind.Object)
            return open && depth > 0 ? new OpaqueShape("it is a map") : new ObjectShape([], open);

        var required = RequiredNames(schema);
        var shapes = new List<PropertyShape>();
        foreach (var property in properties.EnumerateObject())
        {
            if (--budget < 0)
                return new OpaqueShape($"its schema has more than {MaxProperties} properties");
            var shape = Read(property.Value, root, depth + 1, ref budget, out var nullable);
            if (shapes.Exists(s => s.Name == property.Name))
                return new OpaqueShape($"its schema has the property '{property.Name}' twice");
            shapes.Add(new(property.Name, shape, required.Contains(property.Name) && !nullable));
        }

        return new ObjectShape(shapes, open);
    }

    private static HashSet<string> RequiredNames(JsonElement schema)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (schema.TryGetProperty("required", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (var name in list.EnumerateArray())
            {
                if (name.ValueKind == JsonValueKind.String)
                    names.Add(name.GetString()!);
            }
        }

        return names;
    }

    private static string? TypeOf(JsonElement schema, out bool nullable)
    {
        nullable = false;
        if (!schema.TryGetProperty("type", out var type))
        {
            return schema.TryGetProperty("properties", out _) ? "object"
                : schema.TryGetProperty("enum", out var values) && AllText(values) ? "string"
                : null;
        }

        if (type.ValueKind == JsonValueKind.String)
            return type.GetString();
        if (type.ValueKind != JsonValueKind.Array)
            return null;
        string? one = null;
        foreach (var item in type.EnumerateArray())
        {
            var name = item.ValueKind == JsonValueKind.String ? item.GetString() : null;
            if (name == "null")
                nullable = true;
            else if (one is null)
                one = name;
            else
                return null;
        }

        return one;
    }

    private static bool AllText(JsonElement values) =>
        values.ValueKind == JsonValueKind.Array
        && values.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String);

    private static JsonElement? Resolve(JsonElement reference, JsonElement root)
    {
        if (reference.ValueKind != JsonValueKind.String
            || reference.GetString() is not { } path
            || !path.StartsWith("#/", StringComparison.Ordinal))
            return null;
        var at = root;
        foreach (var part in path[2..].Split('/'))
        {
            var name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
                return null;
        }

        return at;
    }
}
