namespace AgentRuntime.Policies;

/// <summary>
/// What policies see of an argument: the part of JSON Schema that has a Cedar type. Immutable.
/// </summary>
internal abstract record ArgumentShape
{
    private protected ArgumentShape()
    {
    }

    /// <summary>How a message names it.</summary>
    public abstract string Kind { get; }
}

/// <summary>A Cedar String.</summary>
internal sealed record TextShape : ArgumentShape
{
    public override string Kind => "a string";
}

/// <summary>A Cedar Long: 64 bits.</summary>
internal sealed record IntegerShape : ArgumentShape
{
    public override string Kind => "an integer of 64 bits";
}

/// <summary>A Cedar Bool.</summary>
internal sealed record FlagShape : ArgumentShape
{
    public override string Kind => "true or false";
}

/// <summary>A Cedar decimal: four digits after the point.</summary>
internal sealed record NumberShape : ArgumentShape
{
    public override string Kind => "a number with at most four decimals";
}

/// <summary>A Cedar Set: neither order nor repetition is seen.</summary>
internal sealed record ListShape(ArgumentShape Element) : ArgumentShape
{
    public override string Kind => "a list";
}

/// <summary>
/// A Cedar Record.
/// </summary>
/// <param name="Properties">In the order of the schema.</param>
/// <param name="Open">
/// Other properties may come and are not seen. Only when the schema says so: where it says nothing, an argument that
/// no policy could see is refused.
/// </param>
internal sealed record ObjectShape(IReadOnlyList<PropertyShape> Properties, bool Open) : ArgumentShape
{
    public override string Kind => "an object";

    public PropertyShape? Find(string name)
    {
        foreach (var property in Properties)
        {
            if (property.Name == name)
                return property;
        }

        return null;
    }
}

/// <summary>A property of an object.</summary>
internal sealed record PropertyShape(string Name, ArgumentShape Shape, bool Required);

/// <summary>Anything: a union, a map, a schema that refers to itself. Policies do not see it.</summary>
internal sealed record OpaqueShape(string Why) : ArgumentShape
{
    public override string Kind => "anything";
}
