using System.Diagnostics;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// Gives the spans of HTTP requests what ASP.NET Core 10 leaves out: the name <c>METHOD ROUTE</c>, the route and the
/// status, by OpenTelemetry's conventions for HTTP servers. Listens while it is not disposed. Thread-safe.
/// </summary>
internal sealed class RequestSpans :
    IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
{
    private const string Source = "Microsoft.AspNetCore";
    private const string Span = "Microsoft.AspNetCore.Hosting.HttpRequestIn";
    private const string Begins = Span + ".Start"; // without a listener for this, nobody hears of the end
    private const string Ends = Span + ".Stop";

    private readonly List<IDisposable> _subscriptions = [];

    public RequestSpans() => Keep(DiagnosticListener.AllListeners.Subscribe(this));

    public void OnNext(DiagnosticListener value)
    {
        if (value.Name == Source)
            Keep(value.Subscribe(this, static (name, _, _) => name is Span or Begins or Ends));
    }

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value is { Key: Ends, Value: HttpContext context } && Activity.Current is { } activity)
            Describe(activity, context);
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }

    public void Dispose()
    {
        lock (_subscriptions)
            foreach (var subscription in _subscriptions)
                subscription.Dispose();
    }

    private static void Describe(Activity activity, HttpContext context)
    {
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        activity.DisplayName = route is null ? context.Request.Method : $"{context.Request.Method} {route}";
        activity.SetTag("http.route", route);
        var status = context.Response.StatusCode;
        activity.SetTag("http.response.status_code", status);
        if (status < 500)
            return;
        activity.SetTag("error.type", status.ToString(System.Globalization.CultureInfo.InvariantCulture));
        activity.SetStatus(ActivityStatusCode.Error);
    }

    private void Keep(IDisposable subscription)
    {
        lock (_subscriptions)
            _subscriptions.Add(subscription);
    }
}
