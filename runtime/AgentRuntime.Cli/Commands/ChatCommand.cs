using System.CommandLine;
using AgentRuntime.Cli.Reports;
using AgentRuntime.Sdk;
using Microsoft.Extensions.AI;

namespace AgentRuntime.Cli.Commands;

/// <summary><c>agentctl chat TEXT</c>: asks a model directly and streams its answer.</summary>
internal static class ChatCommand
{
    public static Command Create()
    {
        var text = new Argument<string>("text") { Description = "What to say" };
        var model = new Option<string>("--model") { Description = "The model", DefaultValueFactory = _ => "demo" };
        var max = new Option<int>("--max-tokens") { Description = "Tokens at most", DefaultValueFactory = _ => 64 };
        var command = new Command("chat", "Ask a model directly") { text, model, max };
        command.SetAction((parsed, cancellationToken) => Connection.UseAsync(parsed, async client =>
        {
            using var chat = new RuntimeChatClient(client, parsed.GetRequiredValue(model));
            var options = new ChatOptions { MaxOutputTokens = parsed.GetValue(max) };
            await foreach (var update in chat.GetStreamingResponseAsync(
                [new ChatMessage(ChatRole.User, parsed.GetRequiredValue(text))], options, cancellationToken))
            {
                Terminal.Write(update.Text);
            }

            Console.WriteLine();
            return 0;
        }));
        return command;
    }
}
