namespace AgentRuntime.Abstractions.Tests;

public class IdTests
{
    [Fact]
    public void An_id_reads_back_what_it_wrote()
    {
        var id = RunId.New(TimeProvider.System);

        Assert.StartsWith("run_", id.ToString(), StringComparison.Ordinal);
        Assert.Equal(id, RunId.Parse(id.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("run_")]
    [InlineData("run_00000000000000000000000000000000")] // the empty UUID names nothing
    [InlineData("ten_0199a0b0c0d07000800000000000abcd")] // another kind of id
    [InlineData("run_0199a0b0-c0d0-7000-8000-00000000abcd")]
    [InlineData("RUN_0199a0b0c0d07000800000000000abcd")]
    [InlineData("run_0199a0b0c0d07000800000000000abcd ")]
    public void Text_of_another_form_is_no_id(string? text) => Assert.False(RunId.TryParse(text, out _));

    [Fact]
    public void The_default_id_cannot_be_written() =>
        Assert.Throws<InvalidOperationException>(() => default(TenantId).ToString());

    [Fact]
    public void Later_ids_sort_after_earlier_ones()
    {
        var time = new SteppingTime();
        var ids = Enumerable.Range(0, 100).Select(_ => RunId.New(time).ToString()).ToArray();

        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void A_digest_is_of_the_content_alone()
    {
        var digest = ModuleDigest.Of("abc"u8);

        // FIPS 180-4's own example.
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest.ToString());
        Assert.Equal(digest, ModuleDigest.Parse(digest.ToString()));
        Assert.Throws<FormatException>(() => ModuleDigest.Parse(digest.ToString().ToUpperInvariant()));
        Assert.Throws<InvalidOperationException>(() => default(BundleDigest).ToString());
    }

    private sealed class SteppingTime : TimeProvider
    {
        private long _ms;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMilliseconds(++_ms);
    }
}
