//! Calling tools.
use crate::abi::{result_of, Error, RawList, RawResult, RawText};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    pub description: String,
    pub input_schema_json: String,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawTool {
    name: RawText,
    description: RawText,
    input_schema_json: RawText,
}

#[link(wasm_import_module = "agentruntime:agent/tools@0.1.0")]
extern "C" {
    #[link_name = "list"]
    fn host_list(result: *mut RawResult<RawList<RawTool>>);

    #[link_name = "call"]
    fn host_call(
        name: *const u8,
        name_length: usize,
        json: *const u8,
        json_length: usize,
        result: *mut RawResult<RawText>,
    );
}

/// The tools that policy lets this agent see.
pub fn list() -> Result<Vec<Tool>, Error> {
    unsafe {
        let tools = result_of(|result| host_list(result))?;
        Ok(tools
            .take()
            .into_iter()
            .map(|t| Tool {
                name: t.name.take(),
                description: t.description.take(),
                input_schema_json: t.input_schema_json.take(),
            })
            .collect())
    }
}

/// Calls a tool; the arguments are a JSON object, and the result is text or JSON text.
pub fn call(name: &str, arguments_json: &str) -> Result<String, Error> {
    unsafe {
        let content = result_of(|result| {
            host_call(name.as_ptr(), name.len(), arguments_json.as_ptr(), arguments_json.len(), result)
        })?;
        Ok(content.take())
    }
}
