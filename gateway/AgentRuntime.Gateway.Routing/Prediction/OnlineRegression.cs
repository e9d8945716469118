namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// Recursive least squares over three features with exponential forgetting: learns coefficients from one observation
/// at a time, in constant time and without allocation. Starts from a prior that observations outweigh. Mutable; owned
/// by one predictor.
/// </summary>
internal sealed class OnlineRegression
{
    private readonly double _forgetting;
    private readonly double[] _weights = new double[3];
    private readonly double[] _covariance = new double[9];
    private readonly double[] _gain = new double[3];
    private readonly double[] _maxCovariance = new double[3];

    /// <summary>A prior.</summary>
    /// <param name="forgetting">Weight that an observation keeps at each newer one, in (0, 1].</param>
    /// <param name="prior">The coefficients to start from.</param>
    /// <param name="variance">
    /// How little each is trusted: about the square of its expected error over the noise's.
    /// </param>
    public OnlineRegression(double forgetting, ReadOnlySpan<double> prior, ReadOnlySpan<double> variance)
    {
        _forgetting = forgetting;
        for (var i = 0; i < 3; i++)
        {
            _weights[i] = prior[i];
            _covariance[i * 4] = variance[i];
            // Without new evidence in a direction, forgetting would blow its variance up without end.
            _maxCovariance[i] = variance[i];
        }
    }

    /// <summary>Observations so far.</summary>
    public long Count { get; private set; }

    /// <summary>A coefficient.</summary>
    public double this[int i] => _weights[i];

    /// <summary>Learns that the features gave the value.</summary>
    public void Learn(double x0, double x1, double x2, double value)
    {
        var error = value - ((_weights[0] * x0) + (_weights[1] * x1) + (_weights[2] * x2));
        if (!double.IsFinite(error))
            return;
        var c = _covariance;
        var denominator = _forgetting;
        for (var i = 0; i < 3; i++)
        {
            _gain[i] = (c[i * 3] * x0) + (c[(i * 3) + 1] * x1) + (c[(i * 3) + 2] * x2);
            denominator += _gain[i] * (i == 0 ? x0 : i == 1 ? x1 : x2);
        }

        for (var i = 0; i < 3; i++)
            _weights[i] += _gain[i] / denominator * error;
        for (var i = 0; i < 3; i++)
        {
            for (var j = 0; j <= i; j++)
                c[(i * 3) + j] = c[(j * 3) + i] = (c[(i * 3) + j] - (_gain[i] * _gain[j] / denominator)) / _forgetting;
        }

        for (var i = 0; i < 3; i++)
            Bound(i);
        Count++;
    }

    private void Bound(int i)
    {
        var excess = _covariance[i * 4] / _maxCovariance[i];
        if (excess <= 1)
            return;
        var scale = 1 / Math.Sqrt(excess);
        for (var j = 0; j < 3; j++)
        {
            _covariance[(i * 3) + j] *= scale;
            _covariance[(j * 3) + i] *= scale;
        }
    }
}
