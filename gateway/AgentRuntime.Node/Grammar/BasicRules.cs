namespace AgentRuntime.Node.Grammar;

/// <summary>
/// The rules of plain JSON (RFC 8259) that every grammar carries. White space is bounded, or a model may never end.
/// </summary>
internal static class BasicRules
{
    public const string Text = """
        ws ::= [ \n]{0,2}
        char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
        string ::= "\"" char* "\""
        natural ::= "0" | [1-9] [0-9]{0,15}
        positive ::= [1-9] [0-9]{0,15}
        integer ::= "-"? natural
        number ::= integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?
        boolean ::= "true" | "false"
        null ::= "null"
        value ::= object | array | string | number | boolean | null
        object ::= "{" ws (string ws ":" ws value (ws "," ws string ws ":" ws value)*)? ws "}"
        array ::= "[" ws (value (ws "," ws value)*)? ws "]"

        """;
}
