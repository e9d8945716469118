using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Http;

/// <summary>A Prometheus histogram with fixed buckets, in seconds. Thread-safe.</summary>
internal sealed class Histogram(string name, string help, params double[] buckets)
{
    private readonly long[] _counts = new long[buckets.Length + 1];
    private readonly Lock _gate = new();
    private double _sum;

    public void Observe(double seconds)
    {
        var bucket = Array.FindIndex(buckets, upper => seconds <= upper);
        lock (_gate)
        {
            _counts[bucket < 0 ? buckets.Length : bucket]++;
            _sum += seconds;
        }
    }

    public void Write(StringBuilder text, string labels)
    {
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n')
            .Append("# TYPE ").Append(name).Append(" histogram\n");
        lock (_gate)
        {
            var total = 0L;
            for (var i = 0; i < _counts.Length; i++)
            {
                total += _counts[i];
                var upper = i == buckets.Length ? "+Inf" : buckets[i].ToString(CultureInfo.InvariantCulture);
                text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{upper}\"}} {total}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {_sum}\n");
            text.Append(CultureInfo.InvariantCulture, $"{name}_count{{{labels}}} {total}\n");
        }
    }
}
