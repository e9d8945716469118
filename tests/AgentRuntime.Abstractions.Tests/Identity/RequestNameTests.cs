namespace AgentRuntime.Abstractions.Tests;

public sealed class RequestNameTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_name_is_its_prefix_and_a_UUIDv7_of_its_time()
    {
        var name = RequestName.New("req_", Now);
        Assert.StartsWith("req_", name, StringComparison.Ordinal);
        Assert.Equal(36, name.Length);
        var id = Guid.ParseExact(name["req_".Length..], "N");
        Assert.Equal(7, id.Version);
        Assert.InRange(id.Variant, 8, 11);
        Assert.Equal(Now.ToUnixTimeMilliseconds(), Convert.ToInt64(name.Substring("req_".Length, 12), 16));
    }

    [Fact]
    public async Task No_two_are_equal_and_one_does_not_tell_the_next()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            Enumerable.Range(0, 50_000).Select(_ => RequestName.New("", Now)).ToArray())));
        Assert.Equal(200_000, made.SelectMany(m => m).Distinct(StringComparer.Ordinal).Count());

        // Half of the 62 random bits of rand_b differ between neighbours, as between any two.
        var bits = made[0].Select(n => Convert.ToUInt64(n[16..], 16)).ToArray();
        var differing = bits.Zip(bits.Skip(1), (a, b) => (double)ulong.PopCount(a ^ b)).Average();
        Assert.InRange(differing, 30, 32);
    }
}
