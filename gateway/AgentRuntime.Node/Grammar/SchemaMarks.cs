using System.Security.Cryptography;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Keywords of schemas that are made here. No client can have guessed them, for they are taken at their word.
/// </summary>
internal static class SchemaMarks
{
    /// <summary>
    /// Says that a schema only says what another one is not: the properties and items of which it speaks are not
    /// evaluated by it.
    /// </summary>
    public static string Silent { get; } = Mark("silent");

    /// <summary>Has what the schemas speak of that hold in the place of the one that has it.</summary>
    public static string Spoken { get; } = Mark("evaluated");

    /// <summary>
    /// Has what an object must be to be none of another schema: each entry says what a property of it must be, or which
    /// one it must not have, so that it is not (<see cref="SchemaMerge.Not"/>); of each entry at least one.
    /// </summary>
    public static string Some { get; } = Mark("some");

    private static string Mark(string name) => $"{name} {RandomNumberGenerator.GetHexString(32)}";
}
