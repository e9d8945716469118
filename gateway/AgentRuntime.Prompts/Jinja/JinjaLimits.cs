namespace AgentRuntime.Prompts.Jinja;

/// <summary>What one rendering may use: templates come from engines, conversations from tenants. Immutable.</summary>
internal sealed record JinjaLimits
{
    /// <summary>Characters of a template. Default 1 Mi.</summary>
    public int SourceCharacters { get; init; } = 1 << 20;

    /// <summary>Expressions and statements that are evaluated. Default 4 million.</summary>
    public int Steps { get; init; } = 4_000_000;

    /// <summary>Characters of the result. Default 16 Mi.</summary>
    public int OutputCharacters { get; init; } = 16 << 20;

    /// <summary>Characters of all strings and items of all lists that are made. Default 64 Mi.</summary>
    public long MadeCharacters { get; init; } = 64L << 20;

    /// <summary>Blocks or expressions within each other. Default 64.</summary>
    public int Nesting { get; init; } = 64;

    /// <summary>Macros that call each other. Default 32.</summary>
    public int Calls { get; init; } = 32;
}
