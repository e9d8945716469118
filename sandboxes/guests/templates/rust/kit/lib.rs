//! The agent world (`sandboxes/wit/agent.wit`) for Rust 1.63 and later, without any other crate.
//!
//! ```ignore
//! agentruntime::agent!(run);
//! fn run(input: String) -> Result<String, String> { Ok(input) }
//! ```
//! `println!` and panics go to the run's log.
pub mod abi;
pub mod config;
pub mod inference;
pub mod json;
pub mod log;
pub mod memory;
pub mod timer;
pub mod tools;

pub use abi::Error;

/// Exports a function of type `fn(String) -> Result<String, String>` as a tool: its input is the call's arguments, a JSON
/// object. The description is a byte string of JSON with `name`, `description` and `input_schema`; it travels in the
/// module.
#[macro_export]
macro_rules! tool {
    ($run:path, $description:expr) => {
        $crate::agent!($run);

        #[link_section = "agentruntime:config/tool"]
        pub static AGENTRUNTIME_TOOL: [u8; $description.len()] = *$description;
    };
}

/// Exports a function of type `fn(String) -> Result<String, String>` as the agent's `run`.
#[macro_export]
macro_rules! agent {
    ($run:path) => {
        #[export_name = "run"]
        pub unsafe extern "C" fn __agentruntime_run(input: *mut u8, length: usize) -> *const $crate::abi::RunResult {
            $crate::abi::run_with(input, length, $run)
        }

        // The host calls this first. Without it the linker would run constructors anew around every exported call.
        #[export_name = "_initialize"]
        pub unsafe extern "C" fn __agentruntime_initialize() {
            extern "C" {
                fn __wasm_call_ctors();
            }
            __wasm_call_ctors();
        }

        #[export_name = "cabi_realloc"]
        pub unsafe extern "C" fn __agentruntime_realloc(
            old: *mut u8,
            old_size: usize,
            align: usize,
            size: usize,
        ) -> *mut u8 {
            $crate::abi::reallocate(old, old_size, align, size)
        }
    };
}
