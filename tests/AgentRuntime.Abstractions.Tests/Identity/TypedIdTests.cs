namespace AgentRuntime.Abstractions.Tests;

public sealed class TypedIdTests
{
    [Fact]
    public void An_id_reads_back_from_its_text()
    {
        var id = RunId.New(TimeProvider.System);
        Assert.Equal(id, RunId.Parse(id.ToString()));
        Assert.Matches("^run_[0-9a-f]{32}$", id.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("run_")]
    [InlineData("ten_0193400000007000800000000000000a")]
    [InlineData("run_00000000000000000000000000000000")]
    [InlineData("run_0193400000007000800000000000000")]
    [InlineData("run_{193400000007000800000000000000a}")]
    [InlineData(" run_0193400000007000800000000000000a")]
    public void Text_of_another_form_or_kind_is_no_id(string? text)
    {
        Assert.False(RunId.TryParse(text, out var id));
        Assert.Equal(default, id);
    }

    [Fact]
    public void A_default_id_names_nothing()
    {
        Assert.Throws<InvalidOperationException>(() => default(TenantId).ToString());
        Assert.Throws<ArgumentException>(() => new AgentId(Guid.Empty));
        Assert.Throws<InvalidOperationException>(() => default(ModuleDigest).ToString());
    }

    [Theory]
    [InlineData("AR1001", true)]
    [InlineData("AR8999", true)]
    [InlineData("AR0999", false)]
    [InlineData("AR9000", false)]
    [InlineData("ar1001", false)]
    [InlineData("AR 100", false)]
    [InlineData("AR10011", false)]
    public void A_reason_code_is_ar_and_four_digits_of_a_known_area(string text, bool valid)
    {
        if (valid)
            Assert.Equal(text, ReasonCode.Parse(text).ToString());
        else
            Assert.Throws<FormatException>(() => ReasonCode.Parse(text));
    }
}
