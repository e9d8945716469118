using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Tests.Engine;

/// <summary>The most likely token is found as one looking at every value would.</summary>
public sealed class GreedyChoiceTests
{
    [Fact]
    public void The_greatest_value_is_found_wherever_it_is()
    {
        var random = new Random(11);
        foreach (var length in (int[])[.. Enumerable.Range(1, 150), 1000, 4097, 32_000])
        {
            var values = new float[length];
            for (var round = 0; round < 20; round++)
            {
                for (var i = 0; i < length; i++) values[i] = (random.NextSingle() * 40) - 20;
                Assert.Equal(Naive(values), TokenSampler.IndexOfMax(values));
                values[random.Next(length)] = 100;
                Assert.Equal(Naive(values), TokenSampler.IndexOfMax(values));
            }
        }
    }

    [Fact]
    public void The_first_of_equals_is_taken()
    {
        for (var length = 2; length < 200; length++)
        {
            var values = new float[length];
            Array.Fill(values, -1f);
            Assert.Equal(0, TokenSampler.IndexOfMax(values));
            values[length / 2] = values[length - 1] = 3;
            Assert.Equal(length / 2, TokenSampler.IndexOfMax(values));
            Array.Fill(values, float.NegativeInfinity);
            Assert.Equal(0, TokenSampler.IndexOfMax(values));
            values[length - 1] = float.MinValue;
            Assert.Equal(length - 1, TokenSampler.IndexOfMax(values));
        }
    }

    private static int Naive(float[] values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best])
                best = i;
        return best;
    }
}
