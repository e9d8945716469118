//! Answers a question with the tools that policy lets it see: the model asks for calls, the agent makes them and gives
//! the results back, refusals too, until the model answers or four rounds are over.
use agentruntime::inference::{self, Message, Options, Role};
use agentruntime::{log, tools};

agentruntime::agent!(run);

const ROUNDS: usize = 4;

fn run(question: String) -> Result<String, String> {
    let visible: Vec<String> = tools::list()?.into_iter().map(|tool| tool.name).collect();
    println!("{} tools: {}", visible.len(), visible.join(", "));
    let options = Options { max_output_tokens: Some(256), tools: visible, ..Options::default() };
    let mut messages = vec![
        Message::new(Role::System, "Answer the question. Use the tools where they help."),
        Message::new(Role::User, question),
    ];

    for _ in 0..ROUNDS {
        let response = inference::send(&messages, &options)?;
        if response.tool_calls.is_empty() {
            return Ok(response.content);
        }
        let mut asked = Message::new(Role::Assistant, response.content);
        asked.tool_calls = response.tool_calls.clone();
        messages.push(asked);
        for call in response.tool_calls {
            let result = tools::call(&call.name, &call.arguments_json).unwrap_or_else(|error| {
                log::warning(&format!("{}: {}", call.name, error));
                format!("refused {}", error)
            });
            let mut answer = Message::new(Role::Tool, result);
            answer.tool_call_id = Some(call.id);
            messages.push(answer);
        }
    }
    Err(format!("the model asked for tools in each of {} rounds and never answered", ROUNDS))
}
