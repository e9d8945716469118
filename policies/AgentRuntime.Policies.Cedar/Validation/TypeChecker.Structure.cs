namespace AgentRuntime.Policies.Cedar;

internal sealed partial class TypeChecker
{
    private TypeAnswer CheckAttribute(AttributeExpr access, Capabilities prior)
    {
        var target = Expect(access.Target, prior, EntityOrRecord);
        if (target.Type is null) return TypeAnswer.Fail();
        if (facts.AttributeOf(target.Type, access.Name) is not { } attribute)
        {
            var near = Spelling.Nearest(access.Name, facts.AttributesOf(target.Type));
            Report(
                access,
                CedarValidationCodes.UnsafeAttributeAccess,
                $"attribute {Describe(access, target.Type)} not found",
                near is null ? null : $"did you mean `{near}`?");
            return TypeAnswer.Fail();
        }

        if (attribute.IsRequired || prior.Contains(Capabilities.Attribute(access.Target, access.Name)))
            return TypeAnswer.Success(attribute.Type).After(target);
        var guard = new HasExpr(access.Target, [access.Name]);
        Report(
            access,
            CedarValidationCodes.UnsafeOptionalAttributeAccess,
            $"unable to guarantee safety of access to optional attribute {Describe(access, target.Type)}",
            $"test for it first: `{ExprText.Write(guard)} && …`");
        return TypeAnswer.Fail(attribute.Type);
    }

    // The path from the nearest entity or the context: that is what the schema's author knows it by.
    private string Describe(AttributeExpr access, CedarType targetType)
    {
        var path = new List<string> { access.Name };
        var target = access.Target;
        CedarType? type = targetType;
        while (true)
        {
            if (type is EntityType entity) return $"`{Path(path)}` on entity type{EntityNames(entity)}";
            if (target is VariableExpr { Variable: Variable.Context })
                return $"`{Path(path)}` in context for {_environment.Action.Uid}";
            if (target is not AttributeExpr above) return $"`{Path(path)}`";
            path.Insert(0, above.Name);
            target = above.Target;
            type = TypeWithoutReport(target);
        }
    }

    private CedarType? TypeWithoutReport(Expr expr)
    {
        using var silence = report.Silence();
        return Check(expr, Capabilities.None).Type;
    }

    private static string EntityNames(EntityType entity) =>
        entity.IsSingle ? $" `{entity.Names[0]}`" : $"s {string.Join(", ", entity.Names.Select(n => $"`{n}`"))}";

    private static string Path(List<string> names)
    {
        var text = new System.Text.StringBuilder();
        foreach (var name in names)
        {
            if (!ExprText.IsAttributeName(name)) text.Append('[').Append(StringEscapes.Quote(name)).Append(']');
            else text.Append(text.Length == 0 ? "" : ".").Append(name);
        }

        return text.ToString();
    }

    private TypeAnswer CheckHas(HasExpr has, Capabilities prior)
    {
        var target = Expect(has.Target, prior, EntityOrRecord);
        if (target.Type is null) return TypeAnswer.Fail(BoolType.Any);
        var name = has.Path[0];
        if (facts.AttributeOf(target.Type, name) is not { } attribute)
        {
            var type = facts.MayHaveAttribute(target.Type, name) ? BoolType.Any : BoolType.False;
            return TypeAnswer.Success(type).After(target);
        }

        // An entity need not be in the store, so that even a required attribute may be absent.
        var capability = Capabilities.Attribute(has.Target, name);
        var isCertain = prior.Contains(capability) || (attribute.IsRequired && target.Type is RecordType);
        return TypeAnswer.Success(isCertain ? BoolType.True : BoolType.Any, Capabilities.Of(capability)).After(target);
    }

    private TypeAnswer CheckHasTag(BinaryExpr has, Capabilities prior)
    {
        var target = Expect(has.Left, prior, AnyEntityType.Instance);
        var tag = Expect(has.Right, prior, StringType.Instance);
        if (target.Type is null) return TypeAnswer.Fail();
        var capability = Capabilities.Tag(has.Left, has.Right);
        var type = facts.TagTypesOf(target.Type).Count == 0 ? BoolType.False
            : prior.Contains(capability) ? BoolType.True
            : BoolType.Any;
        return TypeAnswer.Success(type, Capabilities.Of(capability)).After(tag).After(target);
    }

    private TypeAnswer CheckGetTag(BinaryExpr get, Capabilities prior)
    {
        var target = Expect(get.Left, prior, AnyEntityType.Instance);
        var tag = Expect(get.Right, prior, StringType.Instance);
        if (target.Type is null) return TypeAnswer.Fail();
        var single = target.Type is EntityType { IsSingle: true } entity ? entity.Names[0] : null;
        if (!prior.Contains(Capabilities.Tag(get.Left, get.Right)))
        {
            var on = single is null ? "" : $" on entity type `{single}`";
            var name = ExprText.Write(get.Right);
            Report(
                get,
                CedarValidationCodes.UnsafeTagAccess,
                $"unable to guarantee safety of access to tag `{name}`{on}",
                $"test for it first with `.hasTag({name}) && …`");
            return TypeAnswer.Fail();
        }

        var types = facts.TagTypesOf(target.Type);
        if (types.Count == 0)
        {
            var of = single is null ? "this type" : $"type `{single}`";
            Report(
                get,
                CedarValidationCodes.NoTagsAllowed,
                $"`.getTag()` is not allowed on entities of {of} "
                + "because no `tags` were declared on the entity type in the schema");
            return TypeAnswer.Fail();
        }

        if (TypeRelations.LeastUpperBound(types, strict) is { } bound)
            return TypeAnswer.Success(bound).After(tag).After(target);
        ReportIncompatible(get, types);
        return TypeAnswer.Fail();
    }

    private TypeAnswer CheckSet(SetExpr set, Capabilities prior)
    {
        var isSuccess = true;
        var types = new CedarType?[set.Members.Length];
        for (var i = 0; i < types.Length; i++)
        {
            var member = Check(set.Members[i], prior);
            types[i] = member.Type;
            isSuccess &= member.IsSuccess;
        }

        if (strict && types.Length == 0)
        {
            Report(set, CedarValidationCodes.EmptySetForbidden, "empty set literals are forbidden in policies");
            return TypeAnswer.Fail();
        }

        return Bound(set, types) is { } element
            ? new(new SetType(element), isSuccess, Capabilities.None)
            : TypeAnswer.Fail();
    }

    private TypeAnswer CheckRecord(RecordExpr record, Capabilities prior)
    {
        var (isSuccess, isTyped) = (true, true);
        var attributes = new SortedDictionary<string, AttributeType>(StringComparer.Ordinal);
        for (var i = 0; i < record.Keys.Length; i++)
        {
            var value = Check(record.Values[i], prior);
            isSuccess &= value.IsSuccess;
            if (value.Type is null) isTyped = false;
            else attributes[record.Keys[i]] = new(value.Type, IsRequired: true);
        }

        return isTyped ? new(new RecordType(attributes), isSuccess, Capabilities.None) : TypeAnswer.Fail();
    }

    private TypeAnswer CheckCall(CallExpr call, Capabilities prior)
    {
        var function = call.Function;
        var result = TypeOf(function.ResultKind);
        var failed = call.Arguments.Length != function.ArgumentKinds.Length;
        if (failed)
        {
            var (expected, got) = (function.ArgumentKinds.Length, call.Arguments.Length);
            Report(
                call,
                CedarValidationCodes.WrongNumberArguments,
                $"wrong number of arguments in extension function application. Expected {expected}, got {got}");
        }

        failed |= !IsArgumentValid(call);
        if (strict && function.IsConstructor && !call.Arguments.All(a => a is LiteralExpr))
        {
            Report(
                call,
                CedarValidationCodes.NonLiteralExtensionConstructor,
                "extension constructors may not be called with non-literal expressions");
            failed = true;
        }

        if (failed)
        {
            foreach (var argument in call.Arguments) Check(argument, prior);
            return TypeAnswer.Fail(result);
        }

        var isSuccess = true;
        for (var i = 0; i < call.Arguments.Length; i++)
            isSuccess &= Expect(call.Arguments[i], prior, TypeOf(function.ArgumentKinds[i])).IsSuccess;
        return new(result, isSuccess, Capabilities.None);
    }

    private bool IsArgumentValid(CallExpr call)
    {
        if (!call.Function.IsConstructor
            || call.Arguments is not [LiteralExpr { Value.Kind: CedarValueKind.String } literal]) return true;
        var text = literal.Value.AsString();
        if (ExtensionValues.TryConstruct(call.Function.Code, text, out _)) return true;
        var what = call.Function.Code switch
        {
            ExtensionCode.Ip => "IP address",
            ExtensionCode.Decimal => "a decimal value",
            ExtensionCode.Datetime => "a datetime value",
            _ => "a duration value",
        };
        Report(
            call,
            CedarValidationCodes.FunctionArgumentValidation,
            "error during extension function argument validation: "
            + $"Failed to parse as {what}: `{StringEscapes.Quote(text)}`");
        return false;
    }

    private static CedarType TypeOf(CedarValueKind kind) => kind switch
    {
        CedarValueKind.Bool => BoolType.Any,
        CedarValueKind.Long => LongType.Instance,
        CedarValueKind.String => StringType.Instance,
        _ => ExtensionType.Of(kind),
    };
}
