using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace AgentRuntime.Policies.Cedar.Tests.Differential;

public sealed class SyntaxDifferentialTests(ITestOutputHelper output)
{
    private static readonly string[] Pieces =
    [
        "(", ")", "[", "]", "{", "}", ",", ";", ".", "::", ":", "==", "=", "!=", "<", ">=", "&&", "||", "!", "!!!!!",
            "-",
        "-----", "+", "*", "/", "%", "@a", "?principal", "?other", "permit", "when", "unless", "if", "then", "else",
            "true",
        "in", "is", "has", "like", "principal", "action", "resource", "context", "__cedar", "__cedar::Long", "User",
        "\"a\"", "\"\\u{110000}\"", "\"\\x80\"", "\"\\*\"", "\"", "9223372036854775808", "18446744073709551616", "007",
        "// comment\n", "a.b", ".contains(1)", "ip(\"1.2.3.4\")", ".isIpv4()", "lessThan(1)", "\u00a0", "#", "'", "&",
            "|",
    ];

    [Fact]
    public void Broken_policies_are_refused_and_whole_ones_read_as_by_the_official_parser()
    {
        const int cases = 2500;
        var random = new Random(5);
        var generator = new CaseGenerator(5);
        var texts = Enumerable.Range(0, cases).Select(
            i => Mutate(random, generator.Next(1 + (i % 3)).StaticPolicies)).ToList();
        var answers = CedarPeer.AskAll([.. texts.Select(t => ("parse", new JsonObject { ["text"] = t }))], output);
        if (answers is null) return;

        var accepted = 0;
        var differences = new List<string>();
        foreach (var (text, answer) in texts.Zip(answers))
        {
            var official = answer["accepted"] is { } flag && (bool)flag;
            if (official) accepted++;
            // The official call reads static policies only, ours templates too.
            var ours = CedarPolicySet.TryParse(text, out var set, out var diagnostics) && set.Templates.Count == 0;
            if (ours != official)
                differences.Add($"{text}\nofficial {official}, ours {ours}: {string.Join("; ", diagnostics)}");
        }

        output.WriteLine($"{cases} texts, {accepted} accepted, {differences.Count} differences");
        Assert.True(differences.Count == 0,
            $"{differences.Count} differences, the first:\n{string.Join("\n\n", differences.Take(8))}");
        Assert.InRange(accepted, cases / 20, cases * 19 / 20);
    }

    [Fact]
    public void Policies_become_the_same_JSON_as_in_the_official_engine()
    {
        const int cases = 1500;
        var generator = new CaseGenerator(8);
        var expressions = new ExpressionGenerator(new Random(8));
        var policies = Enumerable.Range(0, cases)
            .Select(i =>
                generator.Policy(expressions, 1 + (i % 4), "principal in User::\"x\"", "resource is Shop::Doc"))
            // JavaScript has no integers beyond 2^53, so those cannot be compared by way of it.
            .Where(p => !p.Split([.. p.Where(c => !char.IsAsciiDigit(c)).Distinct()]).Any(n => n.Length > 15))
            .ToList();
        var answers =
            CedarPeer.AskAll([.. policies.Select(p => ("policyToJson", new JsonObject { ["policy"] = p }))], output);
        if (answers is null) return;

        foreach (var (policy, answer) in policies.Zip(answers))
        {
            var ours = JsonNodes.Parse(CedarPolicySet.Parse(policy).ToJson())["staticPolicies"]!["policy0"]!;
            var official = ExpandHas(answer["json"]!.DeepClone());
            Assert.True(JsonNode.DeepEquals(ours, official),
                $"{policy}\nofficial {official.ToJsonString()}\nours     {ours.ToJsonString()}");
        }
    }

    [Fact]
    public void The_schema_becomes_the_same_JSON_as_in_the_official_engine_and_comes_back()
    {
        var answers = CedarPeer.AskAll([("schemaToJson", new JsonObject { ["schema"] = CaseSchema.Text })], output);
        if (answers is null) return;
        var schema = CedarSchema.Parse(CaseSchema.Text);

        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse(schema.ToJson()), answers[0]["json"]),
            $"official {answers[0]["json"]!.ToJsonString()}\nours     {schema.ToJson()}");
        Assert.Equal(schema.ToJson(), CedarSchema.ParseJson(schema.ToJson()).ToJson());
        Assert.Equal(schema.ToJson(), CedarSchema.Parse(schema.ToString()).ToJson());
    }

    // The newest engine writes a path as a list, older ones as what it stands for; we write the latter.
    private static JsonNode ExpandHas(JsonNode node)
    {
        if (node is JsonArray array)
        {
            for (var i = 0; i < array.Count; i++) array[i] = array[i] is { } item ? ExpandHas(item.DeepClone()) : null;
            return array;
        }

        if (node is not JsonObject @object) return node;
        foreach (var name in @object.Select(p => p.Key).ToList())
            if (@object[name] is { } value) @object[name] = ExpandHas(value.DeepClone());
        if (@object.Count != 1 || @object["has"] is not JsonObject has || has["attr"] is not JsonArray path)
            return @object;
        JsonNode? chain = null;
        var target = has["left"]!;
        foreach (var step in path)
        {
            var test = Operator("has", target, step!);
            chain = chain is null
                ? test : new JsonObject { ["&&"] = new JsonObject { ["left"] = chain, ["right"] = test } };
            target = Operator(".", target, step!);
        }

        return chain!;
    }

    private static JsonObject Operator(string name, JsonNode target, JsonNode attribute) =>
        new() { [name] = new JsonObject { ["left"] = target.DeepClone(), ["attr"] = attribute.DeepClone() } };

    private static string Mutate(Random random, string text)
    {
        if (random.Next(4) == 0) return text;
        for (var count = random.Next(1, 3); count > 0; count--)
        {
            var at = random.Next(text.Length);
            var piece = Pieces[random.Next(Pieces.Length)];
            text = random.Next(3) switch
            {
                0 => text.Insert(at, piece),
                1 => text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at)),
                _ => string.Concat(text.AsSpan(0, at), piece, text.AsSpan(Math.Min(at + piece.Length, text.Length))),
            };
        }

        return text;
    }
}
