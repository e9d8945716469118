//! Waiting, and the time of day.
use crate::abi::{result_of, Error, RawResult};

#[link(wasm_import_module = "agentruntime:agent/timer@0.1.0")]
extern "C" {
    #[link_name = "sleep"]
    fn host_sleep(milliseconds: u64, result: *mut RawResult<u8>);

    #[link_name = "now"]
    fn host_now() -> u64;
}

/// Waits without holding a thread.
pub fn sleep(milliseconds: u64) -> Result<(), Error> {
    unsafe { result_of(|result| host_sleep(milliseconds, result)).map(|_| ()) }
}

/// Milliseconds since 1970-01-01T00:00Z.
pub fn now() -> u64 {
    unsafe { host_now() }
}
