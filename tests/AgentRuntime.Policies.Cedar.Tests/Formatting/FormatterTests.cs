using AgentRuntime.Policies.Cedar.Tests.Differential;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Cedar.Tests.Formatting;

public sealed class FormatterTests
{
    [Fact]
    public void A_policy_is_laid_out_with_its_comments()
    {
        const string text = """
            // head
            @id("a") // note
            permit(principal in U::"a",action in [Action::"a",Action::"b"],resource is R) when { // why
             context.amount<=100&&principal.region==resource.region && (context.b|| !context.c) // end
            } unless { if context.b then [1,2].contains(3) else {a:1,b:principal has x.y}=={} };
            // tail
            forbid(principal,action,resource);
            // last
            """;

        var formatted = CedarFormatter.Format(text);

        Assert.Equal(
            """
            // head
            @id("a") // note
            permit (
              principal in U::"a",
              action in [Action::"a", Action::"b"],
              resource is R
            )
            when { // why
              context.amount <= 100 &&
              principal.region == resource.region &&
              (context.b || !context.c) // end
            }
            unless {
              if context.b
              then [1, 2].contains(3)
              else { a: 1, b: principal has x.y } == {}
            };

            // tail
            forbid (principal, action, resource);

            // last

            """,
            formatted);
    }

    [Fact]
    public void Formatting_keeps_meaning_and_comments_and_is_stable()
    {
        var random = new Random(31);
        var generator = new CaseGenerator(31);
        for (var i = 0; i < 600; i++)
        {
            var text = Disturb(random, generator.Next(1 + (i % 4)).StaticPolicies, out var comments);

            var formatted = CedarFormatter.Format(text, width: 40 + (i % 60));

            Assert.Equal(CedarPolicySet.Parse(text).ToJson(), CedarPolicySet.Parse(formatted).ToJson());
            for (var comment = 0; comment < comments; comment++)
                Assert.Contains($"// c{comment}\n", formatted, StringComparison.Ordinal);
            Assert.Equal(formatted, CedarFormatter.Format(formatted, width: 40 + (i % 60)));
            Assert.DoesNotContain(formatted.Split('\n'), line => line.EndsWith(' '));
        }
    }

    [Fact]
    public void The_handwritten_policies_of_the_corpus_can_be_formatted()
    {
        var folder = Path.Combine(Repository.Root, "tests", "corpus", "cedar");
        foreach (var file in Directory.EnumerateFiles(folder, "*.cedar", SearchOption.AllDirectories))
        {
            var text = File.ReadAllText(file);
            Assert.Equal(
                CedarPolicySet.Parse(text).ToJson(), CedarPolicySet.Parse(CedarFormatter.Format(text)).ToJson());
        }
    }

    // Comments and line breaks where there is a space; strings of the generator hold none that matters.
    private static string Disturb(Random random, string text, out int comments)
    {
        comments = 0;
        var result = new System.Text.StringBuilder();
        var inString = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && (i == 0 || text[i - 1] != '\\')) inString = !inString;
            if (c != ' ' || inString) result.Append(c);
            else if (random.Next(25) == 0) result.Append($" // c{comments++}\n");
            else if (random.Next(25) == 0) result.Append($"\n// c{comments++}\n");
            else result.Append(random.Next(10) == 0 ? "\n\n  " : " ");
        }

        return result.ToString();
    }
}
