namespace AgentRuntime.Policies.Cedar;

/// <summary>The state of one decision on one thread's stack: the request, the entities and the last error.</summary>
internal ref struct Evaluation(CedarRequest request, CedarEntities entities)
{
    /// <summary>
    /// Characters and members that one decision compares at most: a second or so. Nobody can end a decision, and both
    /// the policies and the texts that they look at may be megabytes that strangers wrote.
    /// </summary>
    public const long MaxCompared = 1L << 28;

    public readonly EntityUid Principal = request.Principal;
    public readonly EntityUid Action = request.Action;
    public readonly EntityUid Resource = request.Resource;
    public readonly CedarRecord Context = request.Context;
    public readonly CedarEntities Entities = entities;

    // Every decision asks for these three, to find the policies and to test their scopes.
    public readonly EntityEntry? PrincipalEntry = entities.Find(request.Principal);
    public readonly EntityEntry? ActionEntry = entities.Find(request.Action);
    public readonly EntityEntry? ResourceEntry = entities.Find(request.Resource);

    private long _compared;

    public CedarErrorKind ErrorKind { get; private set; }

    public string ErrorMessage { get; private set; } = "";

    // The same uid object is found without a look-up; most attribute reads are of these two.
    public EntityEntry? Find(EntityUid uid) =>
        ReferenceEquals(uid, Principal) ? PrincipalEntry
        : ReferenceEquals(uid, Resource) ? ResourceEntry
        : ReferenceEquals(uid, Action) ? ActionEntry
        : Entities.Find(uid);

    public bool IsIn(EntityUid uid, EntityUid ancestor) =>
        uid.Equals(ancestor) || (Find(uid) is { } entry && entry.HasAncestor(ancestor));

    /// <summary>
    /// Counts what is about to be compared; false, with an error, once the decision has compared as much as one may.
    /// </summary>
    public bool TryCompare(long weight)
    {
        _compared += weight;
        if (_compared <= MaxCompared) return true;
        Fail(
            CedarErrorKind.TooMuchWork,
            $"the policies compare more than {MaxCompared} characters and members for one request");
        return false;
    }

    /// <summary>Notes an error; the value that is returned is no value.</summary>
    public CedarValue Fail(CedarErrorKind kind, string message)
    {
        ErrorKind = kind;
        ErrorMessage = message;
        return default;
    }

    public CedarValue FailType(string expected, CedarValue found) =>
        Fail(CedarErrorKind.TypeMismatch, $"type error: expected {expected}, got {TypeName(found)}");

    public Truth FailTruth(string expected, CedarValue found)
    {
        FailType(expected, found);
        return Truth.Error;
    }

    private static string TypeName(CedarValue value) => value.Kind switch
    {
        CedarValueKind.Entity => $"(entity of type `{value.AsEntity().Type}`)",
        CedarValueKind.IpAddress => "ipaddr",
        CedarValueKind.Bool or CedarValueKind.Long or CedarValueKind.String or CedarValueKind.Set
            or CedarValueKind.Record => value.Kind.ToString().ToLowerInvariant(),
        var extension => extension.ToString().ToLowerInvariant(),
    };
}

/// <summary>The outcome of a condition.</summary>
internal enum Truth : byte
{
    False = 0,
    True = 1,
    Error = 2,
}
