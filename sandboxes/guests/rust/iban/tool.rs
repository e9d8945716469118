//! A tool: its input is the call's arguments, its output the result. Checks an IBAN (ISO 13616, mod 97-10).
use agentruntime::json::Value;

agentruntime::tool!(run, include_bytes!("tool.json"));

fn run(arguments: String) -> Result<String, String> {
    let arguments = Value::parse(&arguments).ok_or("the arguments are not JSON")?;
    let iban = arguments.get("iban").and_then(Value::as_text).ok_or("the argument 'iban' is missing")?;
    let compact: String = iban.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let valid = is_valid(&compact);
    Ok(Value::Object(vec![
        ("iban".into(), Value::Text(compact)),
        ("valid".into(), Value::Bool(valid)),
    ])
    .to_string())
}

fn is_valid(iban: &str) -> bool {
    if !(15..=34).contains(&iban.len()) || !iban.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    let moved = iban[4..].chars().chain(iban[..4].chars());
    let remainder = moved.fold(0u32, |r, c| {
        let value = c.to_digit(36).unwrap_or(0);
        (if value < 10 { r * 10 + value } else { r * 100 + value }) % 97
    });
    remainder == 1
}
