namespace AgentRuntime.Prompts.Jinja;

/// <summary>Jinja2's tests (pallets/jinja: src/jinja2/tests.py). Stateless.</summary>
internal static class Tests
{
    public static bool Apply(string name, object? value, JinjaArguments a) => name switch
    {
        "defined" => value is not JinjaUndefined,
        "undefined" => value is JinjaUndefined,
        "none" => value is null,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "integer" => value is long,
        "float" => value is double,
        "number" => value is long or double or bool,
        "string" => value is string,
        "mapping" => value is JinjaMap,
        "sequence" => value is string or JinjaList or JinjaMap or JinjaUndefined,
        "iterable" => value is string or JinjaList or JinjaMap or JinjaUndefined,
        "callable" => value is JinjaCallable,
        "odd" => Rest(value, 2L) == 1,
        "even" => Rest(value, 2L) == 0,
        "divisibleby" => Rest(value, a.Get(0, "num")) == 0,
        "lower" => value is string text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        "upper" => value is string text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
        "eq" or "equalto" or "==" => Operations.Compare("==", value, a.Get(0, "other")),
        "ne" or "!=" => Operations.Compare("!=", value, a.Get(0, "other")),
        "lt" or "lessthan" or "<" => Operations.Compare("<", value, a.Get(0, "other")),
        "le" or "<=" => Operations.Compare("<=", value, a.Get(0, "other")),
        "gt" or "greaterthan" or ">" => Operations.Compare(">", value, a.Get(0, "other")),
        "ge" or ">=" => Operations.Compare(">=", value, a.Get(0, "other")),
        "in" => Operations.Compare("in", value, a.Get(0, "seq")),
        "sameas" => value is null or bool or long
            ? Equals(value, a.Get(0, "other"))
            : ReferenceEquals(value, a.Get(0, "other")),
        _ => throw new JinjaException($"there is no test named '{name}'"),
    };

    private static long Rest(object? value, object? by) =>
        Operations.Integer(value) is { } number && Operations.Integer(by) is { } divisor and not 0
            ? ((number % divisor) + divisor) % divisor
            : throw new JinjaException("only an int can be divided so");
}
