using System.Text;
using System.Text.Json.Nodes;

namespace AgentRuntime.Policies.Cedar.Tests.Differential;

/// <summary>A generated case: several policies, templates with links, entities, and a request.</summary>
internal sealed record CedarCase(
    string StaticPolicies,
    Dictionary<string, string> Templates,
    List<(string Template, string Id, EntityUid? Principal, EntityUid? Resource)> Links,
    JsonArray Entities,
    EntityUid Principal,
    EntityUid Action,
    EntityUid Resource,
    JsonObject Context)
{
    public CedarPolicySet PolicySet()
    {
        var all = CedarPolicySet.Parse(StaticPolicies).Policies.ToList();
        foreach (var (id, text) in Templates) all.Add(CedarPolicySet.Parse(text).Templates[0].WithId(id));
        var set = CedarPolicySet.Create(all);
        foreach (var (template, id, principal, resource) in Links) set = set.Link(template, id, principal, resource);
        return set;
    }

    public CedarEntities EntityStore() => CedarEntities.ParseJson(Entities.ToJsonString());

    public CedarRequest Request() => new(Principal, Action, Resource, CedarJson.ReadContext(Context.ToJsonString()));
}

internal sealed class CaseGenerator(int seed)
{
    private readonly Random _random = new(seed);

    public CedarCase Next(int depth)
    {
        var expressions = new ExpressionGenerator(_random);
        var text = new StringBuilder();
        for (var count = _random.Next(1, 5); count > 0; count--)
            text.Append(Policy(expressions, depth, Scope("principal", null), Scope("resource", null)));
        var templates = new Dictionary<string, string>();
        var links = new List<(string, string, EntityUid?, EntityUid?)>();
        if (_random.Next(3) == 0) AddTemplate(expressions, depth, templates, links);
        var action = new EntityUid("Shop::Action", Pick("read", "read", "write", "list", "all"));
        return new(text.ToString(), templates, links, Entities(), User(), action, DocOrFolder(), Context(action.Id));
    }

    /// <summary>One policy or template as text.</summary>
    public string Policy(ExpressionGenerator expressions, int depth, string principal, string resource)
    {
        var text = new StringBuilder();
        if (_random.Next(4) == 0) text.Append("@id(\"x\\\"y\") @note\n");
        text.Append(Pick("permit", "permit", "forbid")).Append('(').Append(principal).Append(", ");
        text.Append(Pick(
            "action", "action == Shop::Action::\"read\"", "action in Shop::Action::\"all\"",
            "action in [Shop::Action::\"write\", Shop::Action::\"list\"]", "action in [Shop::Action::\"change\"]"));
        text.Append(", ").Append(resource).Append(Pick(")", ",)"));
        for (var count = _random.Next(0, 3); count > 0; count--)
            text.Append(Pick("\nwhen", "\nunless")).Append(" { ").Append(expressions.Bool(depth)).Append(" }");
        return text.Append(";\n").ToString();
    }

    private void AddTemplate(
        ExpressionGenerator expressions,
        int depth,
        Dictionary<string, string> templates,
        List<(string, string, EntityUid?, EntityUid?)> links)
    {
        var (usesPrincipal, usesResource) =
            _random.Next(3) switch { 0 => (true, false), 1 => (false, true), _ => (true, true) };
        var principal = Scope("principal", usesPrincipal ? "?principal" : null);
        var resource = Scope("resource", usesResource ? "?resource" : null);
        templates["t"] = Policy(expressions, depth, principal, resource);
        for (var i = _random.Next(0, 3); i > 0; i--)
        {
            EntityUid? who = usesPrincipal ? Pick(User(), new EntityUid("Group", Pick("g0", "g1"))) : null;
            EntityUid? what = usesResource ? DocOrFolder() : null;
            links.Add(("t", $"link{i}", who, what));
        }
    }

    private string Scope(string variable, string? slot)
    {
        var (entity, group, type) = variable == "principal"
            ? ("User::\"u0\"", "Group::\"g0\"", "User")
            : ("Shop::Doc::\"d0\"", "Shop::Folder::\"f0\"", "Shop::Doc");
        if (slot is not null)
            return Pick($"{variable} == {slot}", $"{variable} in {slot}", $"{variable} is {type} in {slot}");
        return Pick(
            variable, variable, variable, $"{variable} == {entity}", $"{variable} in {group}", $"{variable} is {type}",
            $"{variable} is {type} in {group}");
    }

    private JsonArray Entities()
    {
        var all = new JsonArray();
        for (var i = 0; i < 3; i++)
            all.Add(Entity("Group", $"g{i}", [], i > 0 && Coin() ? [("Group", $"g{i - 1}")] : []));
        for (var i = 0; i < 3; i++)
        {
            if (_random.Next(8) == 0) continue;
            var user = Entity("User", $"u{i}", UserAttributes(), Coin() ? [("Group", $"g{_random.Next(3)}")] : []);
            if (Coin()) user["tags"] = new JsonObject { ["t"] = Pick("a", "red"), ["red"] = "x" };
            all.Add(user);
        }

        for (var i = 0; i < 2; i++)
        {
            var above = i > 0 && Coin() ? new[] { ("Shop::Folder", "f0") } : [];
            all.Add(Entity("Shop::Folder", $"f{i}", new() { ["owner"] = Reference("User", "u1") }, above));
        }

        for (var i = 0; i < 2; i++)
        {
            var doc = Entity(
                "Shop::Doc", $"d{i}", DocAttributes(), Coin() ? [("Shop::Folder", $"f{_random.Next(2)}")] : []);
            if (Coin()) doc["tags"] = new JsonObject { ["t"] = new JsonArray(1, 7) };
            all.Add(doc);
        }

        all.Add(Entity("Shop::Action", "all", [], []));
        all.Add(Entity("Shop::Action", "change", [], [("Shop::Action", "all")]));
        all.Add(Entity("Shop::Action", "read", [], [("Shop::Action", "all")]));
        all.Add(Entity("Shop::Action", "write", [], [("Shop::Action", "change"), ("Shop::Action", "all")]));
        return all;
    }

    private JsonObject UserAttributes()
    {
        var attributes = new JsonObject
        {
            ["name"] = Pick("alice", "a", ""),
            ["age"] = _random.Next(-2, 120),
            ["flag"] = Coin(),
            ["home"] = Coin()
                ? new JsonObject { ["city"] = "x" }
                : new JsonObject { ["city"] = "a", ["at"] = new JsonObject { ["lon"] = 7 } },
            ["scores"] = new JsonArray(1, _random.Next(3)),
            ["friends"] = new JsonArray(Reference("User", "u1")),
            ["color"] = Reference("Color", "red"),
        };
        if (Coin()) attributes["email"] = Pick("a", "alice");
        if (Coin()) attributes["manager"] = Reference("User", Pick("u0", "u2", "nobody"));
        if (Coin()) attributes["ip"] = Extension("ip", Pick("10.0.0.1", "::1"));
        if (Coin()) attributes["balance"] = Extension("decimal", Pick("1.5", "-0.0001"));
        if (Coin()) attributes["born"] = Extension("datetime", "1999-12-31");
        if (Coin()) attributes["span"] = Extension("duration", "90m");
        if (Coin()) attributes["purse"] = new JsonObject { ["amount"] = 3, ["currency"] = "a" };
        if (Coin()) attributes["odd key"] = true;
        return attributes;
    }

    private JsonObject DocAttributes()
    {
        var attributes = new JsonObject
        {
            ["owner"] = Reference("User", Pick("u0", "u1")),
            ["public"] = Coin(),
            ["size"] = _random.Next(200),
            ["labels"] = new JsonArray("a", "b"),
            ["price"] = new JsonObject { ["amount"] = 1 },
        };
        if (Coin()) attributes["meta"] = Coin() ? [] : new JsonObject { ["a"] = new JsonObject { ["b"] = 5 } };
        return attributes;
    }

    private JsonObject Context(string action)
    {
        var context = action == "write"
            ? new JsonObject { ["rate"] = Extension("decimal", "0.25") }
            : new JsonObject
            {
                ["ip"] = Extension("ip", "10.1.2.3"),
                ["mfa"] = Coin(),
                ["at"] = Extension("datetime", "2024-10-15T01:02:03Z"),
                ["n"] = _random.Next(-5, 5),
                ["input"] = Coin()
                    ? new JsonObject { ["amount"] = 10 } : new JsonObject { ["amount"] = 10, ["to"] = "a" },
            };
        if (action == "write" && Coin()) context["ttl"] = Extension("duration", "1d");
        if (action != "write" && Coin()) context["note"] = Pick("a", "alice");
        return context;
    }

    private static JsonObject Entity(
        string type, string id, JsonObject attributes, (string Type, string Id)[] parents) => new()
    {
        ["uid"] = new JsonObject { ["type"] = type, ["id"] = id },
        ["attrs"] = attributes,
        ["parents"] =
            new JsonArray([.. parents.Select(p => (JsonNode)new JsonObject { ["type"] = p.Type, ["id"] = p.Id })]),
    };

    private static JsonObject Reference(string type, string id) =>
        new() { ["__entity"] = new JsonObject { ["type"] = type, ["id"] = id } };

    private static JsonObject Extension(string function, string argument) =>
        new() { ["__extn"] = new JsonObject { ["fn"] = function, ["arg"] = argument } };

    private EntityUid User() => new("User", Pick("u0", "u1", "u2", "nobody"));

    private EntityUid DocOrFolder() =>
        Coin() ? new("Shop::Doc", Pick("d0", "d1")) : new("Shop::Folder", Pick("f0", "f1"));

    private bool Coin() => _random.Next(2) == 0;

    private T Pick<T>(params ReadOnlySpan<T> options) => options[_random.Next(options.Length)];
}
