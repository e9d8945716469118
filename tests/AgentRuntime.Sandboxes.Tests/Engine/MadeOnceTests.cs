using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Tests.Engine;

public sealed class MadeOnceTests
{
    [Fact]
    public void A_value_is_made_when_it_is_first_asked_for_and_once()
    {
        var made = 0;
        var value = new MadeOnce<string>(() => $"{++made}");
        Assert.Null(value.IfMade);

        Assert.Equal(("1", "1", "1"), (value.Value, value.Value, value.IfMade));
    }

    [Fact]
    public void A_failure_is_told_and_the_next_to_ask_tries_again()
    {
        var tries = 0;
        var value = new MadeOnce<string>(
            () => ++tries < 3 ? throw new InvalidOperationException($"{tries}") : "made");

        Assert.Equal("1", Assert.Throws<InvalidOperationException>(() => value.Value).Message);
        Assert.Null(value.IfMade);
        Assert.Equal("2", Assert.Throws<InvalidOperationException>(() => value.Value).Message);
        Assert.Equal("made", value.Value);
    }
}
