//! What the agent keeps from one run to the next, in buckets that its policy grants. Values are any bytes.
use crate::abi::{result_of, Error, RawList, RawOption, RawResult, RawText};

/// Some keys, and where the next page begins; none after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPage {
    pub keys: Vec<String>,
    pub cursor: Option<String>,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct RawPage {
    keys: RawList<RawText>,
    cursor: RawOption,
}

#[link(wasm_import_module = "agentruntime:agent/memory@0.1.0")]
extern "C" {
    #[link_name = "get"]
    fn host_get(
        bucket: *const u8,
        bucket_length: usize,
        key: *const u8,
        key_length: usize,
        result: *mut RawResult<RawOption>,
    );

    #[link_name = "set"]
    fn host_set(
        bucket: *const u8,
        bucket_length: usize,
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
        result: *mut RawResult<u8>,
    );

    #[link_name = "delete"]
    fn host_delete(
        bucket: *const u8,
        bucket_length: usize,
        key: *const u8,
        key_length: usize,
        result: *mut RawResult<u8>,
    );

    #[link_name = "exists"]
    fn host_exists(
        bucket: *const u8,
        bucket_length: usize,
        key: *const u8,
        key_length: usize,
        result: *mut RawResult<u8>,
    );

    #[link_name = "list-keys"]
    fn host_list_keys(
        bucket: *const u8,
        bucket_length: usize,
        has_cursor: i32,
        cursor: *const u8,
        cursor_length: usize,
        result: *mut RawResult<RawPage>,
    );
}

/// A key's value, when it has one.
pub fn get(bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
    unsafe {
        let value =
            result_of(|result| host_get(bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len(), result))?;
        Ok(match value.is_some {
            0 => None,
            _ => Some(RawList { pointer: value.text.pointer, count: value.text.length }.take()),
        })
    }
}

/// Gives a key a value.
pub fn set(bucket: &str, key: &str, value: &[u8]) -> Result<(), Error> {
    unsafe {
        result_of(|result| {
            host_set(
                bucket.as_ptr(),
                bucket.len(),
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                result,
            )
        })
        .map(|_| ())
    }
}

/// Takes a key away, if it is there.
pub fn delete(bucket: &str, key: &str) -> Result<(), Error> {
    unsafe {
        result_of(|result| host_delete(bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len(), result)).map(|_| ())
    }
}

/// Whether a key has a value.
pub fn exists(bucket: &str, key: &str) -> Result<bool, Error> {
    unsafe {
        result_of(|result| host_exists(bucket.as_ptr(), bucket.len(), key.as_ptr(), key.len(), result))
            .map(|found| found != 0)
    }
}

/// A page of keys in order: the first, or the one that begins at the cursor of the page before.
pub fn list_keys(bucket: &str, cursor: Option<&str>) -> Result<KeyPage, Error> {
    unsafe {
        let at = cursor.unwrap_or("");
        let page = result_of(|result| {
            host_list_keys(
                bucket.as_ptr(),
                bucket.len(),
                cursor.is_some() as i32,
                at.as_ptr(),
                at.len(),
                result,
            )
        })?;
        Ok(KeyPage {
            keys: page.keys.take().into_iter().map(|key| key.take()).collect(),
            cursor: page.cursor.take(),
        })
    }
}
