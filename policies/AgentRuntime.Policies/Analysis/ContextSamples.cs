using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies;

/// <summary>
/// Contexts over the shape that the schema gives them, made of the literals in the policies and what lies beside them.
/// All combinations when they are few, else a seeded choice. Stateless.
/// </summary>
internal sealed class ContextSamples(PolicyConstants constants, Random random)
{
    private const int MostValues = 40;

    /// <summary>Records of arguments of a shape, at most <paramref name="most"/>.</summary>
    public IEnumerable<CedarRecord> Records(ObjectShape shape, int most)
    {
        var columns = shape.Properties
            .Where(p => p.Shape is not OpaqueShape)
            .Select(p => (p.Name, Values: Column(p)))
            .ToList();
        var combinations = columns.Aggregate(1L, (product, c) => Math.Min(product * c.Values.Count, int.MaxValue));
        if (combinations <= most)
        {
            for (var number = 0L; number < combinations; number++)
                yield return Record(columns, Digits(columns, number));
            yield break;
        }

        // Each value of each argument once, and then by chance.
        var longest = columns.Max(c => c.Values.Count);
        for (var i = 0; i < most; i++)
        {
            var step = i;
            yield return Record(
                columns, columns.Select(c => step < longest ? step % c.Values.Count : random.Next(c.Values.Count)));
        }
    }

    private List<CedarValue?> Column(PropertyShape property)
    {
        var values = Values(property.Shape).Distinct().Take(MostValues).Select(v => (CedarValue?)v).ToList();
        if (!property.Required)
            values.Add(null);
        return values;
    }

    private IEnumerable<CedarValue> Values(ArgumentShape shape) =>
        shape switch
        {
            TextShape => constants.Texts.Append("other").Append("").Select(CedarValue.String),
            IntegerShape => constants.Integers.SelectMany(Around).Append(0).Append(1).Select(CedarValue.Long),
            FlagShape => [CedarValue.True, CedarValue.False],
            NumberShape => constants.Decimals.Append(0m).SelectMany(Around),
            ListShape list => Sets(list),
            ObjectShape record => Records(record, 16).Select(CedarValue.Record),
            _ => [],
        };

    private IEnumerable<CedarValue> Sets(ListShape list)
    {
        yield return CedarValue.Set(CedarSet.Empty);
        var elements = Values(list.Element).Take(8).ToList();
        foreach (var element in elements)
            yield return CedarValue.Set(CedarSet.Create([element]));
        yield return CedarValue.Set(CedarSet.Create(elements));
    }

    private static IEnumerable<long> Around(long value)
    {
        yield return value;
        if (value < long.MaxValue)
            yield return value + 1;
        if (value > long.MinValue)
            yield return value - 1;
    }

    private static IEnumerable<CedarValue> Around(decimal value)
    {
        foreach (var near in (decimal[])[value, value + 0.0001m, value - 0.0001m])
        {
            if (CedarValue.TryDecimal(near, out var result))
                yield return result;
        }
    }

    private static IEnumerable<int> Digits(List<(string Name, List<CedarValue?> Values)> columns, long number)
    {
        foreach (var (_, values) in columns)
        {
            yield return (int)(number % values.Count);
            number /= values.Count;
        }
    }

    private static CedarRecord Record(List<(string Name, List<CedarValue?> Values)> columns, IEnumerable<int> choice) =>
        CedarRecord.Create(columns
            .Zip(choice, (c, i) => (c.Name, Value: c.Values[i]))
            .Where(a => a.Value is not null)
            .Select(a => KeyValuePair.Create(a.Name, a.Value!.Value)));
}
