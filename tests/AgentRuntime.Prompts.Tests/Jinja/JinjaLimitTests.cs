using AgentRuntime.Prompts.Jinja;
using AgentRuntime.TestKit;

namespace AgentRuntime.Prompts.Tests.Jinja;

/// <summary>Templates come from engines: none of them may take the gateway with it.</summary>
public sealed class JinjaLimitTests
{
    [Theory]
    [InlineData("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData(
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(90) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "text")]
    [InlineData("{{ 'x' * 999999999999 }}", "text")]
    [InlineData("{% for i in range(90000) %}{{ 'x' * 9000 }}{% endfor %}", "text")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deeply")]
    [InlineData("{{ range(999999999) }}", "range")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "overflow")]
    [InlineData("{{ ''.__class__.__mro__ }}", "undefined")]
    [InlineData("{% include 'x' %}", "include")]
    [InlineData("{{ raise_exception('no') }}", "no")]
    [InlineData("{{ cycler('a') }}", "undefined")]
    public void What_takes_too_much_or_reaches_out_is_refused(string template, string why)
    {
        var error = Assert.Throws<JinjaException>(
            () => JinjaTemplate.Parse(template, TimeProvider.System).Render([]));
        Assert.Contains(why, error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("{{", "(", "1", ")", "}}")]
    [InlineData("{{", "[", "1", "]", "}}")]
    [InlineData("{{", "not ", "1", "", "}}")]
    [InlineData("", "{% if true %}", "", "{% endif %}", "")]
    public void Nesting_is_bounded(string before, string open, string inner, string close, string after)
    {
        string Template(int depth) => before + string.Concat(Enumerable.Repeat(open, depth)) + inner
            + string.Concat(Enumerable.Repeat(close, depth)) + after;
        JinjaTemplate.Parse(Template(20), TimeProvider.System);
        Assert.Throws<JinjaException>(() => JinjaTemplate.Parse(Template(10_000), TimeProvider.System));
    }

    [Theory]
    [InlineData("1", "+1")]
    [InlineData("'a'", "|string")]
    [InlineData("a", ".b")]
    [InlineData("a", " or a")]
    public void A_chain_of_any_length_is_no_danger(string first, string more)
    {
        var template = JinjaTemplate.Parse(
            "{{ " + first + string.Concat(Enumerable.Repeat(more, 100_000)) + " }}", TimeProvider.System);
        Exception? error = null;
        // A small stack, so that the chain is longer than it on every machine.
        var thread = new Thread(() => error = Record.Exception(() => template.Render([])), 256 << 10);
        thread.Start();
        thread.Join();
        Assert.IsType<JinjaException>(error);
    }

    [Fact]
    public void The_time_is_the_one_that_is_given()
    {
        var time = new ManualTime();
        var text = JinjaTemplate.Parse("{{ strftime_now('%d %b %Y') }}", time).Render([]);
        Assert.Equal(
            time.GetLocalNow().ToString("dd MMM yyyy", System.Globalization.CultureInfo.InvariantCulture), text);
    }
}
