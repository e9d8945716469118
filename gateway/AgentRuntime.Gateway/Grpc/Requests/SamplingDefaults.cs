using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>
/// What a model samples with when a request does not say: its <c>generation_config.json</c>, which vLLM's and SGLang's
/// HTTP endpoints apply and their gRPC leaves to the client. Immutable.
/// </summary>
internal sealed class SamplingDefaults
{
    private readonly Dictionary<string, float> _values = new(StringComparer.Ordinal);

    public static SamplingDefaults None { get; } = new();

    /// <summary>The value of a parameter; null when the model has none.</summary>
    public float? this[string name] => _values.TryGetValue(name, out var value) ? value : null;

    /// <summary>Reads <c>default_sampling_params_json</c>; what is no number is left out.</summary>
    public static SamplingDefaults Read(string json)
    {
        var result = new SamplingDefaults();
        if (json.Length == 0)
            return None;
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var member in document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.EnumerateObject() : default)
            {
                if (member.Value.ValueKind == JsonValueKind.Number)
                    result._values[member.Name] = member.Value.GetSingle();
            }
        }
        catch (JsonException)
        {
            return None;
        }

        return result;
    }
}
