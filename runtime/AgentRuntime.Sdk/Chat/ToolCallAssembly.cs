using System.Text;
using System.Text.Json;
using AgentRuntime.Sdk.Http;
using Microsoft.Extensions.AI;

namespace AgentRuntime.Sdk;

/// <summary>Puts streamed pieces of tool calls together. Belongs to one response; not thread-safe.</summary>
internal sealed class ToolCallAssembly
{
    private readonly SortedDictionary<int, (string Id, string Name, StringBuilder Arguments)> _calls = [];

    public void Add(ChatToolCallBody piece)
    {
        var call = _calls.TryGetValue(piece.Index, out var begun)
            ? begun
            : (Id: piece.Id ?? "", Name: piece.Function?.Name ?? "", Arguments: new StringBuilder());
        call.Arguments.Append(piece.Function?.Arguments);
        _calls[piece.Index] = call;
    }

    public IEnumerable<FunctionCallContent> Finish()
    {
        foreach (var call in _calls.Values)
        {
            yield return FunctionCallContent.CreateFromParsedArguments(
                call.Arguments.ToString(), call.Id, call.Name, ParseArguments);
        }

        _calls.Clear();
    }

    private static Dictionary<string, object?>? ParseArguments(string json)
    {
        using var document = JsonDocument.Parse(json.Length == 0 ? "{}" : json);
        return document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value.Clone());
    }
}
