//! The canonical ABI, as far as the kit needs it. Records are `repr(C)`: on wasm32 that is the canonical layout.
use std::alloc::{alloc, handle_alloc_error, realloc, Layout};
use std::fmt;
use std::mem::MaybeUninit;

/// A refusal or failure of the platform, such as `AR2002`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: String,
    pub message: String,
    pub place: Option<String>,
    pub action: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl From<Error> for String {
    fn from(error: Error) -> String {
        error.to_string()
    }
}

/// A text that is lent to the host for one call, or that the host has allocated for us.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawText {
    pub pointer: *mut u8,
    pub length: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawOption {
    pub is_some: u8,
    pub text: RawText,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawList<T> {
    pub pointer: *mut T,
    pub count: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawError {
    code: RawText,
    message: RawText,
    place: RawOption,
    action: RawOption,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union RawCase<T: Copy> {
    ok: T,
    error: RawError,
}

/// `result<T, error>` as the host writes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawResult<T: Copy> {
    is_error: u8,
    case: RawCase<T>,
}

/// `result<string, string>` as `run` returns it.
#[repr(C)]
pub struct RunResult {
    is_error: u8,
    text: RawText,
}

impl RawText {
    pub fn lend(text: &str) -> RawText {
        RawText { pointer: text.as_ptr() as *mut u8, length: text.len() }
    }

    /// Takes over a text that the host has allocated through `cabi_realloc`.
    ///
    /// # Safety
    /// The text must come from the host and be taken once.
    pub unsafe fn take(self) -> String {
        if self.length == 0 {
            return String::new();
        }
        String::from_utf8_unchecked(Vec::from_raw_parts(self.pointer, self.length, self.length))
    }
}

impl RawOption {
    pub fn lend(text: Option<&str>) -> RawOption {
        RawOption { is_some: text.is_some() as u8, text: RawText::lend(text.unwrap_or("")) }
    }

    /// # Safety
    /// As for [`RawText::take`].
    pub unsafe fn take(self) -> Option<String> {
        if self.is_some == 0 {
            None
        } else {
            Some(self.text.take())
        }
    }
}

impl<T> RawList<T> {
    /// Lends the elements to the host for one call.
    pub fn lend(items: &[T]) -> RawList<T> {
        RawList { pointer: items.as_ptr() as *mut T, count: items.len() }
    }

    /// # Safety
    /// As for [`RawText::take`].
    pub unsafe fn take(self) -> Vec<T> {
        if self.count == 0 {
            return Vec::new();
        }
        Vec::from_raw_parts(self.pointer, self.count, self.count)
    }
}

/// Makes a call that returns through a pointer, and takes over what it returns.
///
/// # Safety
/// `call` must be an import that writes a whole `RawResult<T>`.
pub unsafe fn result_of<T: Copy>(call: impl FnOnce(*mut RawResult<T>)) -> Result<T, Error> {
    let mut area = MaybeUninit::<RawResult<T>>::zeroed();
    call(area.as_mut_ptr());
    let result = area.assume_init();
    if result.is_error == 0 {
        return Ok(result.case.ok);
    }
    let raw = result.case.error;
    Err(Error {
        code: raw.code.take(),
        message: raw.message.take(),
        place: raw.place.take(),
        action: raw.action.take(),
    })
}

/// # Safety
/// Called by the host with a text that it has allocated here.
pub unsafe fn run_with(
    input: *mut u8,
    length: usize,
    agent: fn(String) -> Result<String, String>,
) -> *const RunResult {
    crate::log::log_panics();
    let result = agent(RawText { pointer: input, length }.take());
    let is_error = result.is_err() as u8;
    let text = Box::leak(result.unwrap_or_else(|error| error).into_boxed_str());
    Box::leak(Box::new(RunResult { is_error, text: RawText::lend(text) }))
}

/// # Safety
/// Called by the host as `cabi_realloc`.
pub unsafe fn reallocate(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    let layout = Layout::from_size_align_unchecked(if old_size == 0 { size } else { old_size }, align);
    let block = if old_size == 0 { alloc(layout) } else { realloc(old, layout, size) };
    if block.is_null() {
        handle_alloc_error(layout);
    }
    block
}
