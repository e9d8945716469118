using System.Text;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>
/// Agents in teams of projects call tools: each policy lets one team use one tool on one project within limits, one in
/// twenty forbids. Seeded, so that every engine gets the same.
/// </summary>
internal sealed class PolicyWorkload
{
    public const string SchemaText = """
        entity Company;
        entity Team in [Company];
        entity Agent in [Team] = { level: Long, region: String };
        entity Project in [Company] = { region: String, sealed: Bool };
        """;

    private const int Tools = 50;
    private readonly Random _random = new(4711);
    private readonly List<(int Team, int Tool, int Project)> _targets = [];
    private readonly int _teams;
    private readonly int _agents;
    private readonly int _projects;

    public PolicyWorkload(int policies, int entities)
    {
        _teams = Math.Max(4, entities / 10);
        _projects = Math.Max(4, entities / 5);
        _agents = entities - _teams - _projects - 1;
        PolicyText = MakePolicies(policies);
        Entities = MakeEntities();
        Requests = [.. Enumerable.Range(0, 1024).Select(_ => MakeRequest())];
    }

    public string PolicyText { get; }

    public List<CedarEntity> Entities { get; }

    public CedarRequest[] Requests { get; }

    /// <summary>The schema that these policies are valid under.</summary>
    public static string Schema()
    {
        var text = new StringBuilder(SchemaText);
        for (var i = 0; i < Tools; i++)
        {
            text.Append($"action \"tool{i}\" appliesTo {{ principal: [Agent], resource: [Project], ");
            text.Append("context: { amount: Long, tainted: Bool, note?: String } };\n");
        }

        return text.ToString();
    }

    private string MakePolicies(int count)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            var (team, tool, project) = (_random.Next(_teams), _random.Next(Tools), _random.Next(_projects));
            _targets.Add((team, tool, project));
            if (i % 20 == 19)
            {
                text.Append($"forbid(principal, action == Action::\"tool{tool}\", ");
                text.Append($"resource == Project::\"p{project}\") ");
                text.Append("when { context.tainted && resource.sealed };\n");
                continue;
            }

            text.Append($"permit(principal in Team::\"t{team}\", action == Action::\"tool{tool}\", resource) ");
            text.Append($"when {{ context.amount <= {_random.Next(100, 1000)} ");
            text.Append($"&& principal.level >= {_random.Next(4)} ");
            text.Append("&& principal.region == resource.region };\n");
        }

        return text.ToString();
    }

    private List<CedarEntity> MakeEntities()
    {
        var company = new EntityUid("Company", "c");
        var all = new List<CedarEntity> { new(company) };
        for (var i = 0; i < _teams; i++) all.Add(new(new("Team", $"t{i}"), parents: [company]));
        for (var i = 0; i < _agents; i++)
        {
            var attributes = CedarRecord.Create(("level", (long)_random.Next(5)), ("region", Region()));
            all.Add(new(new("Agent", $"a{i}"), attributes,
                [new("Team", $"t{i % _teams}"), new("Team", $"t{_random.Next(_teams)}")]));
        }

        for (var i = 0; i < _projects; i++)
        {
            var attributes = CedarRecord.Create(("region", Region()), ("sealed", _random.Next(2) == 0));
            all.Add(new(new("Project", $"p{i}"), attributes, [company]));
        }

        return all;
    }

    // Half of the requests are what some policy is about, so that a small set has work to do too.
    private CedarRequest MakeRequest()
    {
        var (agent, tool, project) = (_random.Next(_agents), _random.Next(Tools), _random.Next(_projects));
        if (_random.Next(2) == 0)
        {
            (var team, tool, project) = _targets[_random.Next(_targets.Count)];
            agent = team + (_teams * _random.Next(_agents / _teams));
        }

        return new(
            new("Agent", $"a{agent}"),
            new("Action", $"tool{tool}"),
            new("Project", $"p{project}"),
            CedarRecord.Create(("amount", (long)_random.Next(1000)), ("tainted", _random.Next(4) == 0)));
    }

    private string Region() => _random.Next(2) == 0 ? "eu" : "us";
}
