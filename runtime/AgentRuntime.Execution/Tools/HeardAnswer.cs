using System.Globalization;

namespace AgentRuntime.Execution;

/// <summary>
/// What a tool server last answered within one use of it. Where that is no MCP, such as a page to sign in at, its
/// status and type tell people more than what the client made of it. Follows the flow of control. Thread-safe.
/// </summary>
internal sealed class HeardAnswer
{
    private const int MaxTypeLength = 100;

    private static readonly AsyncLocal<HeardAnswer?> Current = new();

    private volatile Answer? _answer;

    private HeardAnswer()
    {
    }

    /// <summary>The last answer in words, such as <c>HTTP 200, text/html</c>; null when none came.</summary>
    public string? Words => _answer is not { } answer
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"HTTP {answer.Status}, ")
            + (answer.Type is { } type ? ShortText.WithEllipsis(type, MaxTypeLength) : "no content type");

    /// <summary>Listens to what is answered to the caller's requests from now on.</summary>
    public static HeardAnswer Listen() => Current.Value = new HeardAnswer();

    /// <summary>A request is sent, to which nothing has been answered.</summary>
    public static void Sent(HttpRequestMessage request) => Note(request, null);

    /// <summary>A request is answered.</summary>
    public static void Came(HttpRequestMessage request, HttpResponseMessage response) => Note(
        request, new((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType));

    /// <summary>What is no message but the end of a session tells nothing.</summary>
    private static void Note(HttpRequestMessage request, Answer? answer)
    {
        if (request.Method == HttpMethod.Post && Current.Value is { } heard)
            heard._answer = answer;
    }

    private sealed record Answer(int Status, string? Type);
}
