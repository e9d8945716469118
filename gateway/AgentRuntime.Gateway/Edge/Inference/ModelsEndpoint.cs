using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>GET /v1/models</c> and <c>/v1/models/{id}</c>: those that some engine serves and policy grants.
/// </summary>
internal sealed class ModelsEndpoint(IInferenceRouter router, ModelPolicy policy)
{
    public async Task ListAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        foreach (var model in policy.Visible(caller, router.Models))
            Write(json, model);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public async Task GetAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var name = context.Request.RouteValues["id"] as string ?? "";
        var model = policy.Visible(caller, router.Models).FirstOrDefault(m => m.Name == name)
            ?? throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.UnknownModel, "no such model is served to this caller", "model"));
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        Write(json, model);
    }

    private static void Write(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, model.Name);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, 0);
        json.WriteString("owned_by"u8, "agentruntime"u8);
        if (model.ContextTokens > 0)
            json.WriteNumber("max_model_len"u8, model.ContextTokens);
        json.WriteEndObject();
    }
}
