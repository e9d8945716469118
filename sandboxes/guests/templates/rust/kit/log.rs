//! The run's log.

#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

#[link(wasm_import_module = "agentruntime:agent/log@0.1.0")]
extern "C" {
    #[link_name = "write"]
    fn host_write(level: u32, message: *const u8, length: usize);
}

pub fn write(level: Level, message: &str) {
    unsafe { host_write(level as u32, message.as_ptr(), message.len()) }
}

pub fn info(message: &str) {
    write(Level::Info, message);
}

pub fn warning(message: &str) {
    write(Level::Warning, message);
}

pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| write(Level::Error, &panic.to_string())));
}
