using System.CommandLine;
using System.Net.Sockets;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk;

namespace AgentRuntime.Cli;

/// <summary>Which platform to talk to, and as whom: options first, then the environment.</summary>
internal static class Connection
{
    private const string UrlVariable = "AGENTRUNTIME_URL";
    private const string KeyVariable = "AGENTRUNTIME_API_KEY";

    private static readonly Option<string?> Url = new("--url")
    {
        Description = $"Address of the platform; default ${UrlVariable}",
        Recursive = true,
    };

    public static void AddOptions(RootCommand root) => root.Add(Url);

    /// <summary>
    /// Runs a command's work with a client; failures of the connection become a message with a code and a non-zero
    /// exit.
    /// </summary>
    public static async Task<int> UseAsync(ParseResult parsed, Func<AgentRuntimeClient, Task<int>> work)
    {
        var address = parsed.GetValue(Url) ?? Environment.GetEnvironmentVariable(UrlVariable);
        var key = Environment.GetEnvironmentVariable(KeyVariable);
        if (string.IsNullOrWhiteSpace(address))
            return Failure.Print(Missing($"no platform address: set {UrlVariable} or give --url"));
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url)
            || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps))
            return Failure.Print(Missing($"'{address}' is not an address of the form http://host:port"));

        // The key is never an option: command lines are visible to every user of the machine.
        if (url.UserInfo.Length > 0)
            return Failure.Print(Missing($"the address holds a name or password; the key belongs in {KeyVariable}"));
        if (string.IsNullOrWhiteSpace(key)) return Failure.Print(Missing($"no API key: set {KeyVariable}"));
        if (key.Any(c => c is <= ' ' or > '~'))
            return Failure.Print(Missing($"{KeyVariable} holds no API key: a key is one word in ASCII"));

        using var client = new AgentRuntimeClient(url, key);
        try
        {
            // A file may be a pipe that nobody writes to, and Ctrl-C is listened for only once the command waits.
            await Task.Yield();
            return await work(client);
        }
        catch (HttpRequestException e)
        {
            return Failure.Print(new RuntimeError(
                ReasonCodes.PlatformUnreachable,
                $"the platform at {url} does not answer: {Why(e)}",
                Action: "Is it running? ./runtime/up starts one."));
        }
        catch (IOException e) when (e is HttpIOException || e.InnerException is SocketException)
        {
            return Failure.Print(new RuntimeError(
                ReasonCodes.PlatformUnreachable,
                $"the connection to the platform at {url} broke off: {e.Message}",
                Action: "A run that was started goes on: agentctl runs list shows it."));
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            // A code that is none, a digest that is too short: well-formed, and yet nothing that a platform says.
            return Failure.Print(new RuntimeError(
                ReasonCodes.Internal,
                $"the answer of {url} cannot be read: {e.Message}",
                Action: "Check that the address is an AgentRuntime platform of this version."));
        }
    }

    /// <summary>What is wrong with a certificate is only in the innermost exception.</summary>
    private static string Why(HttpRequestException e) =>
        e.HttpRequestError == HttpRequestError.SecureConnectionError
            ? $"TLS: {e.GetBaseException().Message}"
            : e.Message;

    private static RuntimeError Missing(string what) => new(
        ReasonCodes.UsageError, what, Action: "./runtime/up prints both, and ./runtime/agentctl finds them by itself.");
}
