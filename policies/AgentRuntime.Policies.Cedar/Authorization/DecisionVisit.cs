using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// What one decision has found so far. Lives on the stack; nothing is allocated until a policy fails.
/// </summary>
internal ref struct DecisionVisit(CedarRequest request, CedarEntities entities)
{
    private Evaluation _evaluation = new(request, entities);
    private OrdinalList _permits;
    private OrdinalList _forbids;
    private List<(int Ordinal, CedarPolicyError Error)>? _errors;

    public readonly (EntityUid Uid, EntityEntry? Entry) Subject(int level) => level switch
    {
        0 => (_evaluation.Action, _evaluation.ActionEntry),
        1 => (_evaluation.Principal, _evaluation.PrincipalEntry),
        _ => (_evaluation.Resource, _evaluation.ResourceEntry),
    };

    public void Test(PolicyIndex index, int ordinal, bool scopeMatches)
    {
        var policy = index.Policies[ordinal];
        if (!scopeMatches && !policy.MatchesScope(ref _evaluation)) return;
        switch (policy.TestConditions(ref _evaluation))
        {
            case Truth.True when policy.IsForbid: _forbids.Add(ordinal); break;
            case Truth.True: _permits.Add(ordinal); break;
            case Truth.Error:
                var error = new CedarPolicyError(policy.Policy, _evaluation.ErrorKind, _evaluation.ErrorMessage);
                (_errors ??= []).Add((ordinal, error));
                break;
            default: break;
        }
    }

    public CedarResponse Decide(PolicyIndex index)
    {
        CedarPolicyError[] errors = _errors is null
            ? []
            : [.. _errors.DistinctBy(e => e.Ordinal).OrderBy(e => e.Ordinal).Select(e => e.Error)];
        var response = _forbids.Count > 0 ? new(CedarDecision.Deny, index.Reasons.Of(_forbids.Sorted()), errors)
            : _permits.Count > 0 ? new(CedarDecision.Allow, index.Reasons.Of(_permits.Sorted()), errors)
            : new CedarResponse(CedarDecision.Deny, [], errors);
        _permits.Return();
        _forbids.Return();
        return response;
    }

    /// <summary>A list of small numbers that stays on the stack while it is short.</summary>
    private struct OrdinalList
    {
        private const int InlineLength = 32;

        private Inline _inline;
        private int[]? _more;

        public int Count { get; private set; }

        public void Add(int ordinal)
        {
            if (_more is null && Count < InlineLength)
            {
                _inline[Count++] = ordinal;
                return;
            }

            if (_more is null)
            {
                _more = ArrayPool<int>.Shared.Rent(InlineLength * 4);
                ((ReadOnlySpan<int>)_inline).CopyTo(_more);
            }
            else if (Count == _more.Length)
            {
                var longer = ArrayPool<int>.Shared.Rent(Count * 2);
                _more.CopyTo(longer, 0);
                Return();
                _more = longer;
            }

            _more[Count++] = ordinal;
        }

        public readonly void Return()
        {
            if (_more is not null) ArrayPool<int>.Shared.Return(_more);
        }

        /// <summary>In order, each once.</summary>
        [UnscopedRef]
        public ReadOnlySpan<int> Sorted()
        {
            var all = _more is null ? ((Span<int>)_inline)[..Count] : _more.AsSpan(0, Count);
            if (Count < 2) return all;
            all.Sort();
            var kept = 1;
            for (var i = 1; i < all.Length; i++)
                if (all[i] != all[kept - 1]) all[kept++] = all[i];
            return all[..kept];
        }

        [InlineArray(InlineLength)]
        private struct Inline
        {
            private int _first;
        }
    }
}
