use agentruntime::inference::{self, Message, Options, Role};

agentruntime::agent!(run);

fn run(input: String) -> Result<String, String> {
    println!("asking the model");
    let options = Options { max_output_tokens: Some(128), ..Options::default() };
    let answer = inference::send(&[Message::new(Role::User, input)], &options)?;
    Ok(answer.content)
}
