using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Running;

public sealed class GuestLogTests
{
    private readonly RecordedLog _log = new();

    [Fact]
    public void Output_is_collected_into_lines_whatever_its_pieces()
    {
        var log = new GuestLog(_log, maxBytes: 1000);
        foreach (var piece in new[] { "on", "e\ntwo\n", "\nth", "ree" }) log.Stream(1, Encoding.UTF8.GetBytes(piece));
        log.Stream(2, "oops\n"u8);

        log.Flush();

        Assert.Equal(["one", "two", "", "oops", "three"], _log.Lines.Select(l => l.Message));
        Assert.Equal(GuestLogLevel.Error, _log.Lines[3].Level);
    }

    [Fact]
    public void A_line_without_end_is_cut_into_lines()
    {
        var log = new GuestLog(_log, maxBytes: 100_000);

        log.Stream(1, new byte[20_000].Select(_ => (byte)'x').ToArray());
        log.Flush();

        Assert.Equal([8192, 8192, 3616], _log.Lines.Select(l => l.Message.Length));
    }

    [Theory]
    [InlineData(8191)]
    [InlineData(8192)]
    [InlineData(8193)]
    public void A_line_that_ends_about_where_it_would_be_cut_loses_nothing_but_its_end(int length)
    {
        var log = new GuestLog(_log, maxBytes: 100_000);

        log.Stream(1, Encoding.UTF8.GetBytes($"{new string('x', length)}\nnext\n"));

        Assert.Equal(
            length == 8193 ? [8192, 1, 4] : [length, 4], _log.Lines.Select(l => l.Message.Length).ToArray());
    }

    [Fact]
    public void What_exceeds_the_limit_is_dropped_between_characters_and_said_once()
    {
        var log = new GuestLog(_log, maxBytes: 10);

        log.Write(GuestLogLevel.Info, "1234567é9"u8);
        log.Write(GuestLogLevel.Info, "more"u8);
        log.Stream(1, "and more\n"u8);

        Assert.Equal("1234567é", _log.Lines[0].Message);
        Assert.Equal(GuestLogLevel.Warning, Assert.Single(_log.Lines.Skip(1)).Level);
    }

    [Fact]
    public void Empty_lines_are_not_free()
    {
        var log = new GuestLog(_log, maxBytes: 100);

        log.Stream(1, Enumerable.Repeat((byte)'\n', 1_000_000).ToArray());

        Assert.Equal(101, _log.Lines.Count);
    }

    [Fact]
    public void Lines_beyond_the_most_are_not_logged_and_said_to_be_there()
    {
        var log = new GuestLog(_log, maxBytes: 100);

        Assert.Equal(2, log.Stream(1, "a\nb\nc"u8, mostLines: 2));
        Assert.Equal(3, log.Stream(1, "c\nd\ne\n"u8, mostLines: 2));

        Assert.Equal(["a", "b", "cc", "d"], _log.Lines.Select(l => l.Message));
    }

    [Fact]
    public void A_message_that_is_not_UTF8_is_a_lie_but_output_may_be_anything()
    {
        var log = new GuestLog(_log, maxBytes: 100);

        var trap = Assert.Throws<WasmTrapException>(() => log.Write(GuestLogLevel.Info, [0xC0, 0x80]));
        log.Stream(1, [0xC0, 0x80, (byte)'\n']);

        Assert.Equal(TrapKind.InvalidHostArgument, trap.Kind);
        Assert.Contains('\uFFFD', Assert.Single(_log.Lines).Message);
    }
}
