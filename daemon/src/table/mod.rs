//! The user info table on disk.
