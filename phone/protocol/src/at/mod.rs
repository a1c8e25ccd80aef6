//! Lines, commands and results of ITU-T V.250: tolerant in what is read, strict in what is written.
//!
//! A string constant is written in printable ASCII only: every other byte of its UTF-8, `"` and `\` become `\hh` (V.250, 5.4.2.2).

mod line;
mod lines;
mod value;
mod writer;

pub(crate) use line::{Action, Command, Information, Outcome};
pub(crate) use lines::{Lines, TooLong};
pub(crate) use value::{Arguments, BadArguments, base64};
pub(crate) use writer::{Argument, Writer};
