//! The agent's own settings.
use crate::abi::RawOption;
use std::mem::MaybeUninit;

#[link(wasm_import_module = "agentruntime:agent/config@0.1.0")]
extern "C" {
    #[link_name = "get"]
    fn host_get(key: *const u8, length: usize, result: *mut RawOption);
}

/// One setting; `None` when there is none of that name.
pub fn get(key: &str) -> Option<String> {
    let mut value = MaybeUninit::<RawOption>::zeroed();
    unsafe {
        host_get(key.as_ptr(), key.len(), value.as_mut_ptr());
        value.assume_init().take()
    }
}
