using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Grammar;

/// <content>Objects.</content>
internal sealed partial class JsonSchemaGrammar
{
    private string? Object(JsonElement schema, int depth)
    {
        List<(string Name, JsonElement? Schema)> all = [];
        if (CompletionRequestReader.Child(schema, "properties") is { } properties)
        {
            if (properties.ValueKind != JsonValueKind.Object) throw NoSchema("properties");
            all.AddRange(properties.EnumerateObject().DistinctBy(p => p.Name)
                .Select(p => (p.Name, (JsonElement?)p.Value)));
        }

        string[] names = List(schema, "required") is { } list
            ? [.. list.EnumerateArray().Select(n => Name(n, "required")).Distinct()] : [];
        all.AddRange(names.Except(all.Select(p => p.Name)).ToArray().Select(name => (name, (JsonElement?)null)));
        var required = names.ToHashSet(StringComparer.Ordinal);
        var others = new OtherProperties(this, schema);
        List<(string Member, bool Required)> members = [];
        foreach (var (name, property) in all)
        {
            var isRequired = required.Contains(name);
            var its = property is { } known ? others.Bind(name, known) : others.Of(name);
            if (others.MayBeNamed(name) && Value(its, depth + 1) is { } written)
                members.Add(($"{Literal(RequestJson.Compact(name))} ws \":\" ws {written}", isRequired));
            else if (isRequired) return null;
        }

        var (least, most) = Bounds(schema, "minProperties", "maxProperties");
        if (most < least) return null;
        // Where properties are listed, others come only if the schema speaks of them, or these are too few.
        var other = all.Count == 0 || others.AreNamed || least > members.Count
            ? others.Member(all.Select(p => p.Name), s => Value(s, depth + 1)) : null;
        if (members.Count == 0 && other == AnyMember && least == 0 && most is null) return "object";
        if (other is null && most >= members.Count) most = null;
        // Of others, two may have one name, and are one property.
        if (other is not null && least > 1) Unenforced(schema, "minProperties", "where names are not listed");
        if (members.Count * (most ?? least) > MostRules / 4)
        {
            Unenforced(schema, most is null ? "minProperties" : "maxProperties", "of so many");
            (least, most) = (Math.Min(least, 1), null);
        }

        return new MemberChain(this, [.. members], other, least, most).Write();
    }

    /// <summary>
    /// Members in order, of which those that are not required may be left out, then others, with commas between. The
    /// comma comes before the choice of the next one: as a part of each it would be followed once for each.
    /// </summary>
    private sealed class MemberChain(
        JsonSchemaGrammar grammar, (string Member, bool Required)[] members, string? other, int least, int? most)
    {
        private readonly Dictionary<(int At, int Count), string?> _rules = [];
        private readonly int _lastRequired = System.Array.FindLastIndex(members, m => m.Required);

        public string? Write()
        {
            var isEmpty = MayEnd(0, 0);
            for (var at = members.Length; at >= 0; at--)
                for (var count = Math.Min(at, most ?? least); count >= 0; count--)
                    _rules[(at, count)] = Members(at, count);
            return _rules[(0, 0)] is { } all
                ? grammar.Rule(isEmpty ? $"\"{{\" ws ({all})? ws \"}}\"" : $"\"{{\" ws {all} ws \"}}\"")
                : isEmpty ? grammar.Rule("\"{\" ws \"}\"") : null;
        }

        /// <summary>Some of the members from one on; null for none.</summary>
        private string? Members(int at, int count)
        {
            if (count >= most) return null;
            if (at == members.Length)
            {
                if (other is null) return null;
                var more = Repeat(Math.Max(0, least - count - 1), most - count - 1);
                return grammar.Rule($"{other} (ws \",\" ws {other}){more}");
            }

            var (member, isRequired) = members[at];
            var (next, left) = (After(at + 1, Counted(count)), _rules[(at + 1, count)]);
            var written = next is null ? null : $"{member} {next}";
            if (isRequired || left is null) return written is null ? null : grammar.Rule(written);
            return written is null ? left : grammar.Rule($"{written} | {left}");
        }

        private string? After(int at, int count)
        {
            var (isEnd, next) = (MayEnd(at, count), _rules[(at, count)]);
            return next is null ? isEnd ? "\"\"" : null : grammar.Rule($"ws \",\" ws {next}{(isEnd ? " | \"\"" : "")}");
        }

        private bool MayEnd(int at, int count) => at > _lastRequired && count >= least;

        /// <summary>One more member, as far as it matters.</summary>
        private int Counted(int count) => Math.Min(count + 1, most ?? least);
    }
}
