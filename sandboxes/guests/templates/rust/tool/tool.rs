//! A tool: its input is the call's arguments as JSON, its output the result.
use agentruntime::json::Value;

agentruntime::tool!(run, include_bytes!("tool.json"));

fn run(arguments: String) -> Result<String, String> {
    let arguments = Value::parse(&arguments).ok_or("the arguments are not JSON")?;
    let text = arguments.get("text").and_then(Value::as_text).ok_or("the argument 'text' is missing")?;
    Ok(format!("{{\"words\":{}}}", text.split_whitespace().count()))
}
