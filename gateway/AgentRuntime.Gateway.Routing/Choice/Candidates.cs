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

    private (int Engine, double Cost) _prefill = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _prefillSecond = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _decode = (-1, double.PositiveInfinity);
    private (int Engine, double Cost) _decodeSecond = (-1, double.PositiveInfinity);

    public void OfferSingle(int engine, double cost)
    {
        if (cost < Single.Cost)
            Single = (engine, cost);
    }

    public void OfferPrefill(int engine, double cost)
    {
        if (cost < _prefillSecond.Cost)
            Take(ref _prefill, ref _prefillSecond, engine, cost);
    }

    public void OfferDecode(int engine, double cost)
    {
        if (cost < _decodeSecond.Cost)
            Take(ref _decode, ref _decodeSecond, engine, cost);
    }

    /// <summary>Joins the best prefill engine with the best other decode engine.</summary>
    public void MakePair(bool allowed)
    {
        if (!allowed || _prefill.Engine < 0 || _decode.Engine < 0)
            return;
        if (_prefill.Engine != _decode.Engine)
        {
            Pair = (_prefill.Engine, _decode.Engine, _prefill.Cost + _decode.Cost);
            return;
        }

        var otherDecode = _prefill.Cost + _decodeSecond.Cost;
        var otherPrefill = _prefillSecond.Cost + _decode.Cost;
        if (otherDecode <= otherPrefill && _decodeSecond.Engine >= 0)
            Pair = (_prefill.Engine, _decodeSecond.Engine, otherDecode);
        else if (_prefillSecond.Engine >= 0)
            Pair = (_prefillSecond.Engine, _decode.Engine, otherPrefill);
    }

    private static void Take(
        ref (int Engine, double Cost) first, ref (int Engine, double Cost) second, int engine, double cost)
    {
        if (cost < first.Cost)
            (second, first) = (first, (engine, cost));
        else
            second = (engine, cost);
    }
}
