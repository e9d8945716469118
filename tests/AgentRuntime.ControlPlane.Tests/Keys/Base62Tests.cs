using System.Numerics;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class Base62Tests
{
    [Fact]
    public void Numbers_read_as_what_they_are_and_none_that_does_not_fit_is_read()
    {
        var random = new Random(62);
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Concat(
                Enumerable.Range(0, random.Next(1, 25)).Select(_ => Base62.Digits[random.Next(62)]));
            if (random.Next(3) == 0)
                text = text.PadLeft(22, '7')[..22]; // about the largest: 62^21 < 2^128 < 62^22
            var expected = text.Aggregate(BigInteger.Zero, (sum, c) => (sum * 62) + Base62.Digits.IndexOf(c));

            var fits = Base62.TryRead(text, out var value);

            Assert.Equal(expected <= UInt128.MaxValue, fits);
            Assert.Equal(fits ? expected : 0, value);
        }
    }

    [Fact]
    public void The_largest_number_is_read_and_the_next_one_not()
    {
        Span<char> text = stackalloc char[22];
        Base62.Write(UInt128.MaxValue, text);

        Assert.True(Base62.TryRead(text, out var most));
        Assert.Equal(UInt128.MaxValue, most);
        text[^1] = Base62.Digits[Base62.Digits.IndexOf(text[^1], StringComparison.Ordinal) + 1];
        Assert.False(Base62.TryRead(text, out _));
    }

    [Theory]
    [InlineData("12-4")]
    [InlineData("é")]
    [InlineData(" 1")]
    public void What_is_no_digit_is_refused(string text) => Assert.False(Base62.TryRead(text, out _));
}
