namespace AgentRuntime.Benchmarks.Node;

/// <summary>Seeded prompts of words that random models have as one token each. Not thread-safe.</summary>
internal sealed class Prompts(int seed)
{
    private static readonly string[] Words = (
        "the of and to in is that for it as was with be by on not he his but at are this have from or had an they"
        + " which one you were all her she there would their we him been has when who will no more if out so up said"
        + " order ticket refund parcel please thank hello name late soon morning paper river green small quiet letter"
        + " open answer table water stone bright evening").Split(' ');

    private readonly Random _random = new(seed);

    /// <summary>About so many tokens, different from every other prompt from its first words on.</summary>
    public string Next(int tokens) =>
        string.Concat(Enumerable.Range(0, tokens).Select(_ => " " + Words[_random.Next(Words.Length)]));
}
