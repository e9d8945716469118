using System.Globalization;
using System.Text;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads the labels of a sample of <c>vllm:lora_requests_info</c> (Prometheus' text format). Stateless.
/// </summary>
internal static class LoraLabels
{
    private const int MaxNames = 1_000;

    public static LoraReport Read(ReadOnlySpan<byte> sample)
    {
        IReadOnlyList<string> running = [], waiting = [];
        var capacity = int.MaxValue;
        var rest = Encoding.UTF8.GetString(sample).AsSpan();
        rest = rest[Math.Min(rest.Length, rest.IndexOf('{') + 1)..];
        while (rest.IndexOf("=\"", StringComparison.Ordinal) is >= 0 and var name)
        {
            var label = rest[..name].Trim(", ");
            rest = rest[(name + 2)..];
            var value = Value(ref rest);
            switch (label)
            {
                case "running_lora_adapters": running = Names(value); break;
                case "waiting_lora_adapters": waiting = Names(value); break;
                case "max_lora" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var most):
                    capacity = most;
                    break;
            }
        }

        return new(running, waiting, capacity);
    }

    /// <summary>A label's value up to its quote; backslash, quote and line feed are escaped.</summary>
    private static string Value(ref ReadOnlySpan<char> rest)
    {
        var value = new StringBuilder();
        var i = 0;
        for (; i < rest.Length && rest[i] != '"'; i++)
        {
            if (rest[i] == '\\' && i + 1 < rest.Length)
                value.Append(rest[++i] == 'n' ? '\n' : rest[i]);
            else
                value.Append(rest[i]);
        }

        rest = rest[Math.Min(rest.Length, i + 1)..];
        return value.ToString();
    }

    private static string[] Names(string value) =>
    [
        .. value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(MaxNames),
    ];
}
