using System.Runtime.CompilerServices;

namespace AgentRuntime.Gateway.Routing;

/// <summary>The best offers of one decision so far.</summary>
internal struct Candidates
{
    /// <summary>Added to an engine that has no room for the whole request: taken only when all are like that.</summary>
    public const double FullPenalty = 1e6;

    public Candidates()
    {
    }

    /// <summary>Engines that could serve.</summary>
    public int Count;

    public (int Engine, double Cost) Single = (-1, double.PositiveInfinity);

    public (int Prefill, int Decode, double Cost) Pair = (-1, -1, double.PositiveInfinity);

    private GroupOffers _groups = new();

    public void OfferSingle(int engine, double cost)
    {
        if (cost < Single.Cost)
            Single = (engine, cost);
    }

    /// <param name="group">The engine's transfer group; not 0.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="cost">What reading the prompt costs there.</param>
    public void OfferPrefill(int group, int engine, double cost)
    {
        ref var offers = ref _groups[group - 1];
        if (cost < offers.PrefillSecond.Cost)
            Take(ref offers.Prefill, ref offers.PrefillSecond, engine, cost);
    }

    /// <param name="group">The engine's transfer group; not 0.</param>
    /// <param name="engine">The engine.</param>
    /// <param name="cost">What writing the answer costs there.</param>
    public void OfferDecode(int group, int engine, double cost)
    {
        ref var offers = ref _groups[group - 1];
        if (cost < offers.DecodeSecond.Cost)
            Take(ref offers.Decode, ref offers.DecodeSecond, engine, cost);
    }

    /// <summary>Joins the best prefill engine of a group with the best other decode engine of it.</summary>
    public void MakePair()
    {
        foreach (ref readonly var offers in (ReadOnlySpan<GroupOffer>)_groups)
        {
            var pair = offers.Pair();
            if (pair.Cost < Pair.Cost)
                Pair = pair;
        }
    }

    private static void Take(
        ref (int Engine, double Cost) first, ref (int Engine, double Cost) second, int engine, double cost)
    {
        if (cost < first.Cost)
            (second, first) = (first, (engine, cost));
        else
            second = (engine, cost);
    }

    /// <summary>One for each group.</summary>
    [InlineArray(EngineDescription.MaxTransferGroup)]
    private struct GroupOffers
    {
        private GroupOffer _first;

        public GroupOffers() => ((Span<GroupOffer>)this).Fill(new());
    }

    /// <summary>The best offers of the engines that can move KV state to one another.</summary>
    private struct GroupOffer
    {
        public (int Engine, double Cost) Prefill = (-1, double.PositiveInfinity);
        public (int Engine, double Cost) PrefillSecond = (-1, double.PositiveInfinity);
        public (int Engine, double Cost) Decode = (-1, double.PositiveInfinity);
        public (int Engine, double Cost) DecodeSecond = (-1, double.PositiveInfinity);

        public GroupOffer()
        {
        }

        public readonly (int Prefill, int Decode, double Cost) Pair()
        {
            if (Prefill.Engine != Decode.Engine)
                return (Prefill.Engine, Decode.Engine, Prefill.Cost + Decode.Cost);
            var otherDecode = Prefill.Cost + DecodeSecond.Cost;
            var otherPrefill = PrefillSecond.Cost + Decode.Cost;
            return otherDecode <= otherPrefill
                ? (Prefill.Engine, DecodeSecond.Engine, otherDecode)
                : (PrefillSecond.Engine, Decode.Engine, otherPrefill);
        }
    }
}
