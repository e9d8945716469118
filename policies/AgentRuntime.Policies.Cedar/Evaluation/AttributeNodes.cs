namespace AgentRuntime.Policies.Cedar;

internal sealed class AttributeNode(Node target, string name) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var value = target.Evaluate(ref evaluation);
        if (value.Reference is CedarRecord record)
        {
            return record.TryGetValue(name, out var found)
                ? found
                : evaluation.Fail(CedarErrorKind.MissingAttribute, $"record does not have the attribute `{name}`");
        }

        if (value.Reference is not EntityUid uid)
            return value.IsNone ? default : evaluation.FailType("record or entity", value);
        if (evaluation.Find(uid) is not { } entry)
            return evaluation.Fail(CedarErrorKind.UnknownEntity, $"entity `{uid}` does not exist");
        return entry.Entity.Attributes.TryGetValue(name, out var attribute)
            ? attribute
            : evaluation.Fail(CedarErrorKind.MissingAttribute, $"`{uid}` does not have the attribute `{name}`");
    }
}

/// <summary><c>has a.b.c</c>; an entity that is not in the store has nothing.</summary>
internal sealed class HasNode(Node target, string[] path) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var value = target.Evaluate(ref evaluation);
        if (value.IsNone) return Truth.Error;
        foreach (var name in path)
        {
            CedarRecord? record;
            if (value.Reference is EntityUid uid) record = evaluation.Find(uid)?.Entity.Attributes;
            else if (value.Reference is CedarRecord direct) record = direct;
            else return evaluation.FailTruth("record or entity", value);
            if (record is null || !record.TryGetValue(name, out value)) return Truth.False;
        }

        return Truth.True;
    }
}

internal sealed class HasTagNode(Node target, Node tag) : TruthNode
{
    public override Truth Test(ref Evaluation evaluation)
    {
        var value = target.Evaluate(ref evaluation);
        if (value.IsNone) return Truth.Error;
        var name = tag.Evaluate(ref evaluation);
        if (name.IsNone) return Truth.Error;
        if (value.Reference is not EntityUid uid) return evaluation.FailTruth("entity", value);
        if (name.Reference is not string key) return evaluation.FailTruth("string", name);
        return evaluation.Find(uid) is { } entry && entry.Entity.Tags.ContainsKey(key) ? Truth.True : Truth.False;
    }
}

internal sealed class GetTagNode(Node target, Node tag) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var value = target.Evaluate(ref evaluation);
        if (value.IsNone) return default;
        var name = tag.Evaluate(ref evaluation);
        if (name.IsNone) return default;
        if (value.Reference is not EntityUid uid) return evaluation.FailType("entity", value);
        if (name.Reference is not string key) return evaluation.FailType("string", name);
        if (evaluation.Find(uid) is not { } entry)
            return evaluation.Fail(CedarErrorKind.UnknownEntity, $"entity `{uid}` does not exist");
        return entry.Entity.Tags.TryGetValue(key, out var found)
            ? found
            : evaluation.Fail(CedarErrorKind.MissingTag, $"`{uid}` does not have the tag `{key}`");
    }
}

internal sealed class SetNode(Node[] members) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var values = new CedarValue[members.Length];
        for (var i = 0; i < members.Length; i++)
        {
            values[i] = members[i].Evaluate(ref evaluation);
            if (values[i].IsNone || !evaluation.TryCompare(values[i].Weight)) return default;
        }

        return CedarValue.Set(CedarSet.Create(values));
    }
}

internal sealed class RecordNode(string[] keys, Node[] members) : Node
{
    public override CedarValue Evaluate(ref Evaluation evaluation)
    {
        var values = new CedarValue[members.Length];
        for (var i = 0; i < members.Length; i++)
        {
            values[i] = members[i].Evaluate(ref evaluation);
            if (values[i].IsNone || !evaluation.TryCompare(values[i].Weight)) return default;
        }

        return CedarValue.Record(CedarRecord.CreateOwned([.. keys], values));
    }
}
