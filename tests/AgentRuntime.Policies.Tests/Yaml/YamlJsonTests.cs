using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies.Tests;

public sealed class YamlJsonTests
{
    [Theory]
    [InlineData("1", "1")]
    [InlineData("-0.50", "-0.50")]
    [InlineData("0.5", "0.5")]
    [InlineData("12345678901234567890", "12345678901234567890")]
    [InlineData("1e2", "1e2")]
    [InlineData("-1.50E-7", "-1.50E-7")]
    [InlineData("1e400", "1e400")]
    [InlineData("0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890")]
    [InlineData("1.e2", "\"1.e2\"")]
    [InlineData("1e", "\"1e\"")]
    [InlineData("2026-01-31", "\"2026-01-31\"")]
    [InlineData("01.02", "\"01.02\"")]
    [InlineData("-09.30", "\"-09.30\"")]
    [InlineData("'1'", "\"1\"")]
    [InlineData("true", "true")]
    [InlineData("~", "null")]
    public void A_plain_scalar_is_what_json_has_for_it_or_text(string yaml, string json)
    {
        var root = (YamlMapping)YamlReader.Read("f.yaml", $"a: {yaml}", new Problems())!;

        Assert.Equal(json, YamlJson.Convert(root.Entries[0].Value).GetRawText());
    }
}
