//! A notebook: "set KEY TEXT", "get KEY", "exists KEY", "delete KEY" or "list [CURSOR]" on the bucket "notes".
use agentruntime::memory;

agentruntime::agent!(run);

fn run(input: String) -> Result<String, String> {
    let mut words = input.splitn(3, ' ');
    let (verb, key) = (words.next().unwrap_or(""), words.next());
    let name = key.unwrap_or("");
    match verb {
        "set" => memory::set("notes", name, words.next().unwrap_or("").as_bytes())?,
        "delete" => memory::delete("notes", name)?,
        "get" => {
            return Ok(match memory::get("notes", name)? {
                Some(value) => format!("= {}", String::from_utf8_lossy(&value)),
                None => "none".into(),
            })
        }
        "exists" => return Ok(if memory::exists("notes", name)? { "yes" } else { "no" }.into()),
        "list" => {
            let page = memory::list_keys("notes", key)?;
            let keys = page.keys.join(",");
            return Ok(match page.cursor {
                Some(cursor) => format!("{keys} > {cursor}"),
                None => keys,
            });
        }
        _ => return Err("set, get, exists, delete or list is expected".into()),
    }
    Ok("done".into())
}
