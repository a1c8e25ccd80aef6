//! The functions themselves. Everything that touches the application's memory is in files called `ffi`.
//!
//! | file | noun |
//! | --- | --- |
//! | `ffi` | [`enter`](ffi::enter): in and out, without panics; reading and writing the application's memory |
//! | `codes` | which codes a function may return |
//! | `lists` | the lists of functions, and what hands them out |
//! | `general` | the library, slots, tokens, sessions, logins |
//! | `objects` | objects and keys |
//! | `streams` | operations that take data |

mod codes;
mod ffi;
mod general;
mod lists;
mod objects;
mod streams;
#[cfg(test)]
mod tests;
