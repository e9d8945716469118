using System.Text;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class TextAssemblerTests
{
    [Fact]
    public void A_character_split_over_tokens_comes_out_whole()
    {
        var text = new TextAssembler([]);
        var pieces = Encoding.UTF8.GetBytes("a世🦀").Select(b => text.Append([b])).ToArray();
        Assert.DoesNotContain(pieces, p => p.Contains('\uFFFD', StringComparison.Ordinal));
        Assert.Equal("a世🦀", string.Concat(pieces) + text.Complete());
    }

    [Fact]
    public void An_unfinished_character_ends_as_a_replacement()
    {
        var text = new TextAssembler([]);
        Assert.Equal("", text.Append([0xE4, 0xB8]));
        Assert.Equal("\uFFFD", text.Complete());
    }

    [Fact]
    public void A_stop_text_is_never_shown_however_it_is_split()
    {
        var random = new Random(5);
        for (var round = 0; round < 500; round++)
        {
            var whole = string.Concat(Enumerable.Range(0, 40).Select(_ => "ab"[random.Next(2)]));
            string[] stops = ["abba", "bbb", "aabab"];
            var text = new TextAssembler(stops);
            var shown = new StringBuilder();
            var at = 0;
            while (at < whole.Length && !text.Stopped)
            {
                var length = Math.Min(random.Next(1, 5), whole.Length - at);
                shown.Append(text.Append(Encoding.UTF8.GetBytes(whole.Substring(at, length))));
                at += length;
            }

            shown.Append(text.Complete());
            var first = stops.Select(s => whole.IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0)
                .DefaultIfEmpty(whole.Length).Min();
            // The first stop text to be complete ends the answer, which need not be the one that begins first.
            var ends = stops.Select(s => (At: whole.IndexOf(s, StringComparison.Ordinal), s.Length)).Where(s =>
                s.At >= 0);
            Assert.True(shown.ToString() == whole[..first] || ends.Any(e => shown.ToString() == whole[..e.At]));
            Assert.DoesNotContain(stops, s => shown.ToString().Contains(s, StringComparison.Ordinal));
        }
    }
}
