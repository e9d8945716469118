namespace AgentRuntime.Policies.Cedar;

public sealed partial class CedarEntities
{
    private static CedarEntities Build(IEnumerable<CedarEntity> entities, CedarEntities? below, CedarLimits limits)
    {
        limits.Validated();
        var added = new Dictionary<EntityUid, CedarEntity>();
        foreach (var entity in entities)
        {
            if (!added.TryAdd(entity.Uid, entity) && !SameContents(added[entity.Uid], entity))
                throw Refused("duplicateEntity", $"the entity `{entity.Uid}` comes twice with different contents");
            if (below?.Find(entity.Uid) is not null)
                throw Refused("duplicateEntity", $"the entity `{entity.Uid}` is already in the store below");
            if (added.Count > limits.MaximumEntities)
                throw Refused("limit", $"there are more than {limits.MaximumEntities} entities");
        }

        return new(new Closure(added, below, limits).Close(), below);
    }

    private static bool SameContents(CedarEntity one, CedarEntity two) =>
        one.Attributes.Equals(two.Attributes) && one.Tags.Equals(two.Tags)
        && one.Parents.ToHashSet().SetEquals(two.Parents);

    private static CedarException Refused(string code, string message) =>
        new([new(CedarSeverity.Error, code, message, SourcePosition.None)]);

    /// <summary>
    /// Closes the hierarchy with its own stack: a chain of a million parents must not overflow the thread's.
    /// </summary>
    private sealed class Closure(Dictionary<EntityUid, CedarEntity> added, CedarEntities? below, CedarLimits limits)
    {
        private readonly Dictionary<EntityUid, EntityEntry> _done = new(added.Count);
        private readonly HashSet<EntityUid> _open = [];
        private long _links;

        public Dictionary<EntityUid, EntityEntry> Close()
        {
            foreach (var entity in added.Values) CloseFrom(entity);
            return _done;
        }

        private void CloseFrom(CedarEntity start)
        {
            if (_done.ContainsKey(start.Uid)) return;
            var stack = new Stack<(CedarEntity Entity, int NextParent)>();
            stack.Push((start, 0));
            _open.Add(start.Uid);
            while (stack.TryPop(out var frame))
            {
                var next = frame.NextParent;
                while (next < frame.Entity.Parents.Count && !MustVisit(frame.Entity.Parents[next])) next++;
                if (next < frame.Entity.Parents.Count)
                {
                    var parent = added[frame.Entity.Parents[next]];
                    if (!_open.Add(parent.Uid))
                        throw Refused("cycle", $"the hierarchy has a cycle through `{parent.Uid}`");
                    stack.Push((frame.Entity, next + 1));
                    stack.Push((parent, 0));
                    continue;
                }

                _open.Remove(frame.Entity.Uid);
                _done.Add(frame.Entity.Uid, new(frame.Entity, AncestorsOf(frame.Entity)));
            }
        }

        private bool MustVisit(EntityUid parent) => added.ContainsKey(parent) && !_done.ContainsKey(parent);

        private EntityUid[] AncestorsOf(CedarEntity entity)
        {
            if (entity.Parents.Count == 0) return [];
            var ancestors = new HashSet<EntityUid>();
            foreach (var parent in entity.Parents)
            {
                ancestors.Add(parent);
                var above = _done.TryGetValue(parent, out var entry) ? entry : below?.Find(parent);
                if (above is not null) ancestors.UnionWith(above.Ancestors);
            }

            _links += ancestors.Count;
            if (_links > limits.MaximumAncestorLinks)
                throw Refused("limit", $"the hierarchy has more than {limits.MaximumAncestorLinks} ancestor links");
            if (ancestors.Contains(entity.Uid))
                throw Refused("cycle", $"the hierarchy has a cycle through `{entity.Uid}`");
            return [.. ancestors];
        }
    }
}
