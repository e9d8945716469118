namespace AgentRuntime.Policies.Cedar.Tests.Differential;

/// <summary>
/// The schema of the generated cases: common types, namespaces, enums, tags, groups of actions, every type.
/// </summary>
internal static class CaseSchema
{
    public const string Text = """
        type Name = String;
        type Money = { amount: Long, currency?: Name };
        type Place = { city: String, at?: { lat?: Long, lon: Long } };

        entity Group in [Group];
        entity Color enum ["red", "green", "blue"];
        entity User in [Group] = {
          name: Name, age: Long, flag: Bool, home: Place, scores: Set<Long>, friends: Set<User>, color: Color,
          email?: String, manager?: User, ip?: ipaddr, balance?: decimal, born?: datetime, span?: duration,
          purse?: Money, "odd key"?: Bool,
        } tags String;

        namespace Shop {
          type Label = String;
          entity Folder in [Folder] = { owner: User };
          entity Doc in [Folder] = {
            owner: User, public: Bool, size: Long, labels: Set<Label>, price: Money,
            meta?: { a?: { b?: Long } }, color?: Color,
          } tags Set<Long>;
          action all;
          action change in [all];
          action read in [all] appliesTo {
            principal: [User], resource: [Doc, Folder],
            context: {
              ip: ipaddr, mfa: Bool, at: datetime, n: Long, note?: String, input: { amount: Long, to?: String },
            },
          };
          action write in [change] appliesTo {
            principal: [User, Group], resource: [Doc],
            context: { ip?: ipaddr, mfa?: Bool, rate: decimal, ttl?: duration, n?: Long, input?: Money },
          };
          action list appliesTo { principal: [User], resource: [Folder] };
        }
        """;
}
