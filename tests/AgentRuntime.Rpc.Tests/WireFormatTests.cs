using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Metadata;

namespace AgentRuntime.Rpc.Tests;

public sealed class WireFormatTests
{
    [Theory]
    [InlineData(1, "1u")]
    [InlineData(10, "1u")]
    [InlineData(15, "2u")]
    [InlineData(999_999_990, "99999999u")]
    [InlineData(999_999_991, "100000m")]
    [InlineData(10_000_000_000_000, "1000000S")]
    [InlineData(long.MaxValue, "99999999H")]
    public void A_timeout_is_written_in_at_most_eight_digits_and_never_too_short(long ticks, string text)
    {
        Assert.Equal(text, RpcTimeout.Format(TimeSpan.FromTicks(ticks)));
        Assert.True(RpcTimeout.TryParse(text, out var read));
        Assert.True(read.Ticks >= Math.Min(ticks, TimeSpan.FromDays(24).Ticks));
    }

    [Theory]
    [InlineData("0n", 0)]
    [InlineData("250n", 3)]
    [InlineData("7u", 70)]
    [InlineData("20m", 200_000)]
    [InlineData("3S", 30_000_000)]
    [InlineData("2M", 1_200_000_000)]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("99999999H", 24 * TimeSpan.TicksPerDay)]
    public void Every_unit_is_read(string text, long ticks)
    {
        Assert.True(RpcTimeout.TryParse(text, out var timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1.5S")]
    [InlineData(" 1S")]
    [InlineData("123456789S")]
    public void What_is_no_timeout_is_refused(string text) => Assert.False(RpcTimeout.TryParse(text, out _));

    [Theory]
    [InlineData("plain text!", "plain text!")]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("ü€", "%C3%BC%E2%82%AC")]
    public void A_status_message_is_percent_encoded(string message, string encoded)
    {
        Assert.Equal(encoded, StatusMessage.Encode(message));
        Assert.Equal(message, StatusMessage.Decode(encoded));
    }

    [Theory]
    [InlineData("50% off", "50% off")]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz%41", "%zzA")]
    [InlineData("%FF", "\uFFFD")]
    public void A_broken_escape_is_never_an_error(string encoded, string message) =>
        Assert.Equal(message, StatusMessage.Decode(encoded));

    [Theory]
    [InlineData("", "")]
    [InlineData("FF", "/w")]
    [InlineData("FF00", "/wA")]
    [InlineData("FF00FE", "/wD+")]
    public void Binary_values_are_written_without_padding_and_read_either_way(string hex, string text)
    {
        var bytes = Convert.FromHexString(hex);
        Assert.Equal(text, BinaryValue.Encode(bytes));
        foreach (var form in new[] { text, text.PadRight((text.Length + 3) / 4 * 4, '=') })
        {
            Assert.True(BinaryValue.TryDecode(form, out var read));
            Assert.Equal(bytes, read);
        }
    }

    [Fact]
    public void Joined_binary_values_are_taken_apart_and_what_is_no_metadata_is_left_out()
    {
        var metadata = new RpcMetadata();
        metadata.Receive("Key-Bin", "/w==, AA,***");
        metadata.Receive("grpc-status", "0");
        metadata.Receive(":path", "/x");
        metadata.Receive("content-type", "application/grpc");
        metadata.Receive("ok", "caf\u00E9");
        metadata.Receive("ok", "text");
        Assert.Equal(["key-bin", "key-bin", "ok"], metadata.Select(e => e.Name));
        Assert.Equal(new byte[] { 0xFF }, metadata.Bytes("key-bin")!.Value.ToArray());
        Assert.Equal("text", metadata.Text("ok"));
    }

    [Theory]
    [InlineData("Upper", "x")]
    [InlineData("grpc-own", "x")]
    [InlineData("", "x")]
    [InlineData("a b", "x")]
    [InlineData("key-bin", "x")]
    [InlineData("key", "line\nbreak")]
    public void Metadata_that_could_not_be_sent_is_refused(string name, string value) =>
        Assert.Throws<ArgumentException>(() => new RpcMetadata().Add(name, value));

    [Theory]
    [InlineData(400, RpcStatusCode.Internal)]
    [InlineData(401, RpcStatusCode.Unauthenticated)]
    [InlineData(403, RpcStatusCode.PermissionDenied)]
    [InlineData(404, RpcStatusCode.Unimplemented)]
    [InlineData(429, RpcStatusCode.Unavailable)]
    [InlineData(503, RpcStatusCode.Unavailable)]
    [InlineData(500, RpcStatusCode.Unknown)]
    [InlineData(200, RpcStatusCode.Unknown)]
    public void An_http_status_alone_has_a_meaning(int http, RpcStatusCode code) =>
        Assert.Equal(code, StatusMapping.OfHttp(http).Code);

    [Theory]
    [InlineData("0", RpcStatusCode.Ok)]
    [InlineData("16", RpcStatusCode.Unauthenticated)]
    [InlineData("17", RpcStatusCode.Unknown)]
    [InlineData("-1", RpcStatusCode.Unknown)]
    [InlineData("", RpcStatusCode.Unknown)]
    [InlineData(null, RpcStatusCode.Unknown)]
    public void A_status_without_a_meaning_is_unknown(string? text, RpcStatusCode code) =>
        Assert.Equal(code, StatusMapping.Read(text, null).Code);

    [Theory]
    [InlineData("gzip", true)]
    [InlineData("identity, gzip", true)]
    [InlineData("identity,deflate", false)]
    [InlineData(null, false)]
    public void Gzip_is_sent_to_those_only_who_read_it(string? accepted, bool gzip) =>
        Assert.Equal(gzip, MessageCoding.Accepts(accepted));
}
