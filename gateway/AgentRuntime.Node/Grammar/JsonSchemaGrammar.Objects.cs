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
        var required = names.ToHashSet(StringComparer.Ordinal);
        var others = new OtherProperties(this, schema);
        var tellings = Tellings(schema);
        var isListed = all.Count > 0 || names.Length > 0;
        // What an object may have or lack to be none of another schema is listed too.
        all.AddRange(names.Concat(tellings.SelectMany(t => t.Names)).Distinct().Except(all.Select(p => p.Name))
            .ToArray().Select(name => (name, (JsonElement?)null)));
        List<Member> members = [];
        var told = 0;
        foreach (var (name, property) in all)
        {
            var isRequired = required.Contains(name);
            var its = property is { } known ? others.Bind(name, known) : others.Of(name);
            var lacking = Bits(tellings, t => t.Absent.Contains(name));
            List<(string Written, int Told)> values = others.MayBeNamed(name) ? Values(name, its, tellings, depth) : [];
            if (values.Count > 0) members.Add(new(values, isRequired, lacking));
            else if (isRequired) return null;
            else told |= lacking;
        }

        var (least, most) = Bounds(schema, "minProperties", "maxProperties");
        if (most < least) return null;
        // Where properties are listed, others come only if the schema speaks of them, or these are too few.
        others.AreDiffering = least > 1 || tellings.Count > 0;
        var other = !isListed || others.AreNamed || least > members.Count
            ? others.Member(all.Select(p => p.Name), s => Value(s, depth + 1)) : null;
        if (members.Count == 0 && other == AnyMember && least == 0 && most is null && tellings.Count == 0)
            return "object";
        if (other is null && tellings.Count == 0 && most >= members.Count) most = null;
        if (Math.Max(members.Count, tellings.Count) * (most ?? least) << tellings.Count > MostRules / 4)
        {
            Unenforced(schema, most is null ? "minProperties" : "maxProperties", "of so many");
            (least, most) = (Math.Min(least, 1), null);
        }

        var isOpen = other is not null || !members.Exists(m => m.Values.Exists(v => v.Told > 0));
        return new MemberChain(this, [.. members], other, least, most, told, (1 << tellings.Count) - 1,
            which => isOpen ? Unlisted(which) : null).Write();

        // A member that is not listed and tells so much.
        string? Unlisted(int which)
        {
            List<List<(Func<RegularExpressions, int> Names, JsonElement Value)>> ways = [[]];
            foreach (var telling in tellings.Where((_, i) => (which & (1 << i)) != 0))
            {
                ways = [.. ways.SelectMany(_ => telling.Unlisted(), (way, one) => way.Append(one).ToList())
                    .Take(MostUnlisted)];
            }

            return Alternatives(ways.Select(way =>
                others.Member(all.Select(p => p.Name), s => Merged(s, depth), way)));
        }
    }

    /// <summary>The values of a property, each with what it tells (<see cref="Telling"/>).</summary>
    private List<(string Written, int Told)> Values(string name, JsonElement its, List<Telling> tellings, int depth)
    {
        var (key, telling) = (Literal(RequestJson.Compact(name)), tellings.ConvertAll(t => t.Of(name)));
        Dictionary<string, int> values = [];
        for (var told = 0; told < 1 << tellings.Count; told++)
        {
            if (telling.Index().Any(t => t.Item is null && (told & (1 << t.Index)) != 0)) continue;
            JsonElement[] such = [.. telling.Where((t, i) => (told & (1 << i)) != 0).Select(t => t!.Value)
                .Where(t => !SchemaMerge.IsFree(t))];
            var value = such.Length == 0 ? Value(its, depth + 1) : Merged(_merge.AllOf([its, .. such]), depth);
            // What is of a schema that says nothing more is written once, with all that it tells.
            if (value is not null) values[$"{key} ws \":\" ws {value}"] = told;
        }

        return [.. values.Select(v => (v.Key, v.Value))];
    }

    private static int Bits(List<Telling> tellings, Func<Telling, bool> which) =>
        tellings.Index().Where(t => which(t.Item)).Aggregate(0, (all, t) => all | (1 << t.Index));

    /// <summary>A property that is listed.</summary>
    /// <param name="Values">What is written of it, each with the bits of what it tells.</param>
    /// <param name="IsRequired">Whether it must be there.</param>
    /// <param name="Lacking">What is told where it is not.</param>
    private sealed record Member(List<(string Written, int Told)> Values, bool IsRequired, int Lacking);

    /// <summary>
    /// Members in order, of which those that are not required may be left out, then others, with commas between. The
    /// comma comes before the choice of the next one: as a part of each it would be followed once for each. What must
    /// be told (<see cref="Telling"/>) is, by one of them or by others, of which each has a name of its own.
    /// </summary>
    private sealed class MemberChain(JsonSchemaGrammar grammar, Member[] members, string? other, int least, int? most,
        int told, int all, Func<int, string?> unlisted)
    {
        private readonly Dictionary<(int At, int Count, int Told), string?> _rules = [];
        private readonly Dictionary<(int Count, int Told), string?> _others = [];
        private readonly Dictionary<int, string?> _told = [];
        private readonly int _lastRequired = System.Array.FindLastIndex(members, m => m.IsRequired);

        public string? Write()
        {
            var isEmpty = MayEnd(0, 0, told);
            for (var at = members.Length; at >= 0; at--)
                for (var count = Math.Min(at, most ?? least); count >= 0; count--)
                    for (var which = all; which >= told; which--)
                        if ((which & told) == told)
                            _rules[(at, count, which)] = Members(at, count, which);
            return _rules[(0, 0, told)] is { } written
                ? grammar.Rule(isEmpty ? $"\"{{\" ws ({written})? ws \"}}\"" : $"\"{{\" ws {written} ws \"}}\"")
                : isEmpty ? grammar.Rule("\"{\" ws \"}\"") : null;
        }

        /// <summary>Some of the members from one on; null for none.</summary>
        private string? Members(int at, int count, int which)
        {
            if (count >= most) return null;
            if (at == members.Length) return Others(count, which);
            var member = members[at];
            List<string> options = [];
            foreach (var (value, tells) in member.Values)
            {
                if (After(at + 1, Counted(count), which | tells) is { } next) options.Add($"{value} {next}");
            }

            if (!member.IsRequired && _rules[(at + 1, count, which | member.Lacking)] is { } left)
            {
                if (options.Count == 0) return left;
                options.Add(left);
            }

            return options.Count == 0 ? null : grammar.Rule(string.Join(" | ", options));
        }

        /// <summary>Members that are not listed, at least one, by which all is told that is not yet.</summary>
        private string? Others(int count, int which)
        {
            if (count >= most) return null;
            if (_others.TryGetValue((count, which), out var known)) return known;
            if (which == all)
            {
                return _others[(count, which)] = other is null ? null : grammar.Rule(
                    $"{other} (ws \",\" ws {other}){Repeat(Math.Max(0, least - count - 1), most - count - 1)}");
            }

            // The name is known before the rule is: what tells nothing may come before it as often as one likes.
            var name = _others[(count, which)] = grammar.NewName();
            List<string> options = [];
            for (var more = 1; more <= all; more++)
                if ((more & which) == 0 && Told(more) is { } member && Then(count, which | more) is { } next)
                    options.Add($"{member} {next}");
            var ends = options.Count > 0;
            if (other is not null && (ends || Counted(count) != count) && Then(count, which) is { } rest)
                options.Add($"{other} {rest}");
            if (options.Count == 0) return _others[(count, which)] = null;
            grammar.Define(name, string.Join(" | ", options));
            return name;
        }

        private string? Told(int bits) => _told.TryGetValue(bits, out var known) ? known : _told[bits] = unlisted(bits);

        private string? Then(int count, int which)
        {
            var (isEnd, next) = (which == all && count + 1 >= least, Others(Counted(count), which));
            return After(isEnd, next);
        }

        private string? After(int at, int count, int which)
        {
            var (isEnd, next) = (MayEnd(at, count, which), _rules[(at, count, which)]);
            return After(isEnd, next);
        }

        private string? After(bool isEnd, string? next) => next is null ? isEnd ? "\"\"" : null
            : grammar.Rule($"ws \",\" ws {next}{(isEnd ? " | \"\"" : "")}");

        /// <summary>Whether no more need come: what lacks from here on tells what is not told yet.</summary>
        private bool MayEnd(int at, int count, int which) => at > _lastRequired && count >= least
            && (which == all || members.Skip(at).Aggregate(which, (so, m) => so | m.Lacking) == all);

        /// <summary>One more member, as far as it matters.</summary>
        private int Counted(int count) => Math.Min(count + 1, most ?? least);
    }
}
