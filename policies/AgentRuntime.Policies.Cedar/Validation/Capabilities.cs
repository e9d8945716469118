using System.Collections.Immutable;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Attributes and tags that are known to exist where an expression is evaluated, by the text of the expression.
/// </summary>
internal readonly record struct Capabilities(ImmutableHashSet<string> Known)
{
    public static Capabilities None { get; } = new([]);

    public static string Attribute(Expr target, string name) => $"{ExprText.Write(target)}\n.{name}";

    public static string Tag(Expr target, Expr tag) => $"{ExprText.Write(target)}\n#{ExprText.Write(tag)}";

    public static Capabilities Of(string one) => new([one]);

    public bool Contains(string one) => Known.Contains(one);

    public Capabilities Union(Capabilities other) =>
        other.Known.IsEmpty ? this : Known.IsEmpty ? other : new(Known.Union(other.Known));

    public Capabilities Intersect(Capabilities other) =>
        Known.IsEmpty || other.Known.IsEmpty ? None : new(Known.Intersect(other.Known));
}
