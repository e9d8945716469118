namespace AgentRuntime.Policies.Cedar.Tests.Values;

public sealed class ExtensionValueTests
{
    [Theory]
    [InlineData("0.0", 0)]
    [InlineData("-0.5", -5000)]
    [InlineData("12.34", 123400)]
    [InlineData("922337203685477.5807", long.MaxValue)]
    [InlineData("-922337203685477.5808", long.MinValue)]
    public void A_decimal_is_read_exactly_and_written_back(string text, long expected)
    {
        Assert.True(CedarDecimal.TryParse(text, out var value));
        Assert.Equal(expected, value);
        Assert.True(CedarDecimal.TryParse(CedarDecimal.Format(value), out var again));
        Assert.Equal(expected, again);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1.")]
    [InlineData(".1")]
    [InlineData("1.23456")]
    [InlineData("+1.0")]
    [InlineData("1.0 ")]
    [InlineData("922337203685477.5808")]
    [InlineData("--1.0")]
    public void What_is_no_decimal_is_refused(string text) => Assert.False(CedarDecimal.TryParse(text, out _));

    [Theory]
    [InlineData("1970-01-01", 0)]
    [InlineData("0000-01-01", -62167219200000)]
    [InlineData("2024-02-29T12:00:00.001+0130", 1709202600001)]
    [InlineData("9999-12-31T23:59:59.999-2359", 253402387139999)]
    public void A_datetime_is_milliseconds_from_the_epoch(string text, long expected)
    {
        Assert.True(CedarDatetime.TryParse(text, out var value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("2023-02-29")]
    [InlineData("2024-13-01")]
    [InlineData("2024-01-01T24:00:00Z")]
    [InlineData("2024-01-01T00:00:00")]
    [InlineData("2024-01-01T00:00:00+24:00")]
    [InlineData("2024-01-01T00:00:00.1Z")]
    [InlineData("24-01-01")]
    public void What_is_no_datetime_is_refused(string text) => Assert.False(CedarDatetime.TryParse(text, out _));

    [Theory]
    [InlineData("1d2h3m4s5ms", 93784005)]
    [InlineData("-1h", -3600000)]
    [InlineData("9223372036854775807ms", long.MaxValue)]
    [InlineData("-9223372036854775808ms", long.MinValue)]
    public void A_duration_is_a_sum_of_its_parts(string text, long expected)
    {
        Assert.True(CedarDuration.TryParse(text, out var value));
        Assert.Equal(expected, value);
        Assert.True(CedarDuration.TryParse(CedarDuration.Format(value), out var again));
        Assert.Equal(expected, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1")]
    [InlineData("1h1d")]
    [InlineData("1h1h")]
    [InlineData("9223372036854775808ms")]
    [InlineData("106751991168d")]
    [InlineData("1h ")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(CedarDuration.TryParse(text, out _));

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("0:0:0:0:0:0:0:1", "::1")]
    [InlineData("2001:DB8::1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("::/0", "::/0")]
    public void An_address_is_written_in_its_shortest_form(string text, string expected)
    {
        Assert.True(CedarIpAddress.TryParse(text, out var address));
        Assert.Equal(expected, address.ToString());
    }

    [Theory]
    [InlineData("1.2.3")]
    [InlineData("01.2.3.4")]
    [InlineData("1.2.3.4/33")]
    [InlineData("1.2.3.4/032")]
    [InlineData("::ffff:1.2.3.4")]
    [InlineData("fe80::1%eth0")]
    [InlineData("1:2:3:4:5:6:7::8")]
    [InlineData("1.2.3.4 ")]
    public void What_is_no_address_is_refused(string text) => Assert.False(CedarIpAddress.TryParse(text, out _));
}
