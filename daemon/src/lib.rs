//! The Claviger service: everything that does I/O.
//!
//! | room | what |
//! | --- | --- |
//! | `table` | the user info table on disk |

pub mod table;
