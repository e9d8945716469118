//! Asking a model.
use crate::abi::{result_of, Error, RawList, RawOption, RawResult, RawText};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// A tool call that a model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments_json: String,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub role: Role,
    pub content: String,
    pub tool_calls: Vec<ToolCall>,
    pub tool_call_id: Option<String>,
}

impl Message {
    pub fn new(role: Role, content: impl Into<String>) -> Message {
        Message { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// What is `None` is left to the agent's policy or to the model.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub model: Option<String>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f32>,
    pub seed: Option<i64>,
    pub stop_sequences: Vec<String>,
    pub tools: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
    Other,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub cached_prompt_tokens: u32,
    pub output_tokens: u32,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub content: String,
    pub tool_calls: Vec<ToolCall>,
    pub finish_reason: FinishReason,
    pub usage: Usage,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawToolCall {
    id: RawText,
    name: RawText,
    arguments_json: RawText,
}

#[repr(C)]
struct RawMessage {
    role: u8,
    content: RawText,
    tool_calls: RawList<RawToolCall>,
    tool_call_id: RawOption,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawResponse {
    content: RawText,
    tool_calls: RawList<RawToolCall>,
    finish_reason: u8,
    usage: Usage,
}

#[link(wasm_import_module = "agentruntime:agent/inference@0.1.0")]
extern "C" {
    #[link_name = "send"]
    fn host_send(
        messages: *const RawMessage,
        message_count: usize,
        has_model: u32,
        model: *const u8,
        model_length: usize,
        has_max_output_tokens: u32,
        max_output_tokens: u32,
        has_temperature: u32,
        temperature: f32,
        has_seed: u32,
        seed: i64,
        stop_sequences: *const RawText,
        stop_sequence_count: usize,
        tools: *const RawText,
        tool_count: usize,
        result: *mut RawResult<RawResponse>,
    );
}

/// Asks a model and waits for its whole answer.
pub fn send(messages: &[Message], options: &Options) -> Result<Response, Error> {
    let calls: Vec<Vec<RawToolCall>> = messages.iter().map(|m| m.tool_calls.iter().map(lend_call).collect()).collect();
    let raw: Vec<RawMessage> = messages
        .iter()
        .zip(&calls)
        .map(|(m, calls)| RawMessage {
            role: m.role as u8,
            content: RawText::lend(&m.content),
            tool_calls: RawList::lend(calls),
            tool_call_id: RawOption::lend(m.tool_call_id.as_deref()),
        })
        .collect();
    let model = options.model.as_deref().unwrap_or("");
    let stop: Vec<RawText> = options.stop_sequences.iter().map(|s| RawText::lend(s)).collect();
    let tools: Vec<RawText> = options.tools.iter().map(|s| RawText::lend(s)).collect();
    // The host reads what is lent before the call returns, and writes a whole result.
    unsafe {
        let response = result_of(|result| {
            host_send(
                raw.as_ptr(),
                raw.len(),
                options.model.is_some() as u32,
                model.as_ptr(),
                model.len(),
                options.max_output_tokens.is_some() as u32,
                options.max_output_tokens.unwrap_or(0),
                options.temperature.is_some() as u32,
                options.temperature.unwrap_or(0.0),
                options.seed.is_some() as u32,
                options.seed.unwrap_or(0),
                stop.as_ptr(),
                stop.len(),
                tools.as_ptr(),
                tools.len(),
                result,
            )
        })?;
        Ok(Response {
            content: response.content.take(),
            tool_calls: response.tool_calls.take().into_iter().map(|call| take_call(call)).collect(),
            finish_reason: match response.finish_reason {
                0 => FinishReason::Stop,
                1 => FinishReason::Length,
                2 => FinishReason::ToolCalls,
                3 => FinishReason::ContentFilter,
                _ => FinishReason::Other,
            },
            usage: response.usage,
        })
    }
}

fn lend_call(call: &ToolCall) -> RawToolCall {
    RawToolCall {
        id: RawText::lend(&call.id),
        name: RawText::lend(&call.name),
        arguments_json: RawText::lend(&call.arguments_json),
    }
}

unsafe fn take_call(call: RawToolCall) -> ToolCall {
    ToolCall { id: call.id.take(), name: call.name.take(), arguments_json: call.arguments_json.take() }
}
