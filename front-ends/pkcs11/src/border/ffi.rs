//! In and out of the module, and the application's memory.

#![expect(unsafe_code, reason = "an application gives pointers")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use claviger_client::Secret;
use cryptoki_sys as sys;
use zeroize::Zeroizing;

use super::codes;
use crate::calls::Delivery;
use crate::objects::{Attribute, Object};
use crate::rv::{Answer, Rv};
use crate::state::{self, Module};
use crate::template::Template;

/// Makes the functions: each enters the module, and does there what stands in its block.
macro_rules! functions {
    ($($name:ident($module:ident $(, $argument:ident: $type:ty)*) $body:block)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            #[expect(non_snake_case, reason = "the standard's name")]
            pub(in crate::border) unsafe extern "C" fn $name($($argument: $type),*) -> cryptoki_sys::CK_RV {
                $crate::border::ffi::enter(stringify!($name), |$module| {
                    // SAFETY: the pointers are the application's. PKCS#11 says of each what it points to, and that it
                    // stays so while the function runs; lengths are given beside them, and null is looked for.
                    #[allow(unused_unsafe, reason = "some take no pointers")]
                    unsafe { $body }
                })
            }
        )*
    };
}
pub(in crate::border) use functions;

/// Does what a function does with the module of this process.
pub(super) fn enter(name: &str, body: impl FnOnce(&Module) -> Answer<()>) -> sys::CK_RV {
    bare(name, || body(&*state::current()?))
}

/// Does what a function does that needs no module. A panic goes no further than here.
pub(super) fn bare(name: &str, body: impl FnOnce() -> Answer<()>) -> sys::CK_RV {
    let answer = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Rv::FUNCTION_FAILED));
    match answer {
        Ok(()) => Rv::OK.code(),
        Err(code) => codes::allowed(name, code).code(),
    }
}

/// Returns so many bytes of the application's.
///
/// # Safety
/// `pointer` is null or points to so many bytes, which nobody writes to while they are used.
pub(super) unsafe fn bytes<'a>(pointer: *const u8, length: sys::CK_ULONG) -> Answer<&'a [u8]> {
    let length = usize::try_from(length).ok().filter(|length| isize::try_from(*length).is_ok());
    match length {
        Some(0) => Ok(&[]),
        // SAFETY: it is not null; the rest is the caller's word.
        Some(length) if !pointer.is_null() => Ok(unsafe { slice::from_raw_parts(pointer, length) }),
        Some(_) | None => Err(Rv::ARGUMENTS_BAD),
    }
}

/// Returns a PIN, copied; `None` where there is a null pointer.
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn pin(pointer: *const u8, length: sys::CK_ULONG) -> Answer<Option<Secret>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's word.
    let bytes = unsafe { bytes(pointer, length) }?;
    if bytes.len() > PIN { Err(Rv::PIN_LEN_RANGE) } else { Ok(Some(Secret::new(bytes.to_vec()))) }
}

/// Returns a template, copied.
///
/// # Safety
/// `attributes` is null or points to so many of them, each of which is null or points to what its length says.
pub(super) unsafe fn template(
    attributes: *const sys::CK_ATTRIBUTE,
    count: sys::CK_ULONG,
) -> Answer<Template> {
    // SAFETY: the caller's word.
    let attributes = unsafe { array(attributes, count) }?;
    let read = |attribute: &sys::CK_ATTRIBUTE| {
        // SAFETY: the caller's word.
        let value = unsafe { bytes(attribute.pValue.cast(), attribute.ulValueLen) };
        let value = value.map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?;
        Ok((attribute.type_, Zeroizing::new(value.to_vec())))
    };
    Template::new(attributes.iter().map(read).collect::<Answer<_>>()?)
}

/// Returns so many elements.
///
/// # Safety
/// `pointer` is null or points to so many.
unsafe fn array<'a, T>(pointer: *const T, count: sys::CK_ULONG) -> Answer<&'a [T]> {
    match usize::try_from(count) {
        Ok(0) => Ok(&[]),
        Ok(count) if !pointer.is_null() && count <= ELEMENTS => {
            // SAFETY: it is not null; the rest is the caller's word.
            Ok(unsafe { slice::from_raw_parts(pointer, count) })
        }
        Ok(_) | Err(_) => Err(Rv::ARGUMENTS_BAD),
    }
}

/// Writes a value.
///
/// # Safety
/// `pointer` is null or may be written to.
pub(super) unsafe fn put<T>(pointer: *mut T, value: T) -> Answer<()> {
    if pointer.is_null() {
        return Err(Rv::ARGUMENTS_BAD);
    }
    // SAFETY: it is not null; the rest is the caller's word.
    unsafe { pointer.write(value) };
    Ok(())
}

/// Returns how much room there is; `None` where there is no buffer.
///
/// # Safety
/// `length` is null or may be read.
pub(super) unsafe fn room<T>(buffer: *const T, length: *const sys::CK_ULONG) -> Answer<Option<usize>> {
    if length.is_null() {
        return Err(Rv::ARGUMENTS_BAD);
    }
    // SAFETY: it is not null; the rest is the caller's word.
    let length = unsafe { length.read() };
    if buffer.is_null() { Ok(None) } else { Ok(Some(usize::try_from(length).unwrap_or(usize::MAX))) }
}

/// Gives what a function gives: bytes, or their number.
///
/// # Safety
/// `buffer` may be written to as far as [`room`] said, and so may `length`.
pub(super) unsafe fn give(delivery: Delivery, buffer: *mut u8, length: *mut sys::CK_ULONG) -> Answer<()> {
    match delivery {
        // SAFETY: the caller's word; that they fit, who made the delivery saw.
        Delivery::Bytes(bytes) => unsafe { list(&bytes, buffer, length) },
        // SAFETY: the caller's word.
        Delivery::Length(needed) => unsafe { put(length, needed as sys::CK_ULONG) },
        Delivery::TooSmall(needed) => {
            // SAFETY: the caller's word.
            unsafe { put(length, needed as sys::CK_ULONG) }?;
            Err(Rv::BUFFER_TOO_SMALL)
        }
    }
}

/// Gives a list: its elements where there is a buffer with room for them, else their number.
///
/// # Safety
/// As [`give`].
pub(super) unsafe fn list<T: Copy>(elements: &[T], buffer: *mut T, length: *mut sys::CK_ULONG) -> Answer<()> {
    // SAFETY: the caller's word.
    let room = unsafe { room(buffer, length) }?;
    // SAFETY: the caller's word.
    unsafe { put(length, elements.len() as sys::CK_ULONG) }?;
    match room {
        None => Ok(()),
        Some(room) if room < elements.len() => Err(Rv::BUFFER_TOO_SMALL),
        Some(_) => {
            // SAFETY: there is a buffer with room for them.
            unsafe { buffer.copy_from_nonoverlapping(elements.as_ptr(), elements.len()) };
            Ok(())
        }
    }
}

/// Returns what comes next to be written, for as many elements.
///
/// # Safety
/// `buffer` is null or points to so many elements that may be written to.
pub(super) unsafe fn buffer<'a>(buffer: *mut u8, length: sys::CK_ULONG) -> Answer<&'a mut [u8]> {
    let length = usize::try_from(length).ok().filter(|length| isize::try_from(*length).is_ok());
    match length {
        Some(0) => Ok(&mut []),
        // SAFETY: it is not null; the rest is the caller's word.
        Some(length) if !buffer.is_null() => Ok(unsafe { slice::from_raw_parts_mut(buffer, length) }),
        Some(_) | None => Err(Rv::ARGUMENTS_BAD),
    }
}

/// Gives the attributes that are asked for; every one, even where one before it cannot be given.
///
/// # Safety
/// `attributes` is null or points to so many of them that may be written to, each with a buffer of its length or none.
pub(super) unsafe fn attributes(
    object: &Object,
    attributes: *mut sys::CK_ATTRIBUTE,
    count: sys::CK_ULONG,
) -> Answer<()> {
    // SAFETY: the caller's word.
    let count = unsafe { array(attributes, count) }?.len();
    let mut answer = Ok(());
    for place in 0..count {
        // SAFETY: it is one of so many.
        let attribute = unsafe { &mut *attributes.add(place) };
        // SAFETY: the caller's word.
        let given = unsafe { give_attribute(object, attribute) };
        // "If any of the attributes is … the call should return" one of the codes, whichever.
        answer = answer.and(given);
    }
    answer
}

/// # Safety
/// The attribute has a buffer of its length, or none.
unsafe fn give_attribute(object: &Object, attribute: &mut sys::CK_ATTRIBUTE) -> Answer<()> {
    let value = match object.attribute(attribute.type_) {
        Attribute::Value(value) => Zeroizing::new(value),
        Attribute::Sensitive => {
            attribute.ulValueLen = sys::CK_UNAVAILABLE_INFORMATION;
            return Err(Rv::ATTRIBUTE_SENSITIVE);
        }
        Attribute::None => {
            attribute.ulValueLen = sys::CK_UNAVAILABLE_INFORMATION;
            return Err(Rv::ATTRIBUTE_TYPE_INVALID);
        }
    };
    let room = attribute.ulValueLen;
    attribute.ulValueLen = value.len() as sys::CK_ULONG;
    if attribute.pValue.is_null() {
        return Ok(());
    }
    if room < value.len() as sys::CK_ULONG {
        attribute.ulValueLen = sys::CK_UNAVAILABLE_INFORMATION;
        return Err(Rv::BUFFER_TOO_SMALL);
    }
    // SAFETY: there is a buffer with room for it.
    unsafe { attribute.pValue.cast::<u8>().copy_from_nonoverlapping(value.as_ptr(), value.len()) };
    Ok(())
}

/// The longest PIN or pass phrase that is looked at.
const PIN: usize = 4096;

/// The longest template.
const ELEMENTS: usize = 4096;
