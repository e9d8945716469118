namespace AgentRuntime.Node.Grammar;

/// <summary>
/// The rules of plain JSON (RFC 8259) that every grammar carries. White space is bounded, or a model may never end.
/// </summary>
internal static class BasicRules
{
    public const string Text = """
        ws ::= [ \n]{0,2}
        char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" unit)
        unit ::= [0-9a-cA-CefEF] hex{3} | [dD] ([0-7] hex{2} | [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2})
        hex ::= [0-9a-fA-F]
        string ::= "\"" char* "\""
        natural ::= "0" | [1-9] [0-9]{0,15}
        positive ::= [1-9] [0-9]{0,15}
        integer ::= "-"? natural
        number ::= integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?
        boolean ::= "true" | "false"
        null ::= "null"
        value ::= object | array | string | number | boolean | null
        member ::= string ws ":" ws value
        object ::= "{" ws (member (ws "," ws member)*)? ws "}"
        array ::= "[" ws (value (ws "," ws value)*)? ws "]"

        """;
}
