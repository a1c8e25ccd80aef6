//! `claviger-ssh-agent` with the programs that others wrote: ssh-add, ssh-keygen, ssh, sshd, git.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod adding;
mod connections;
mod desk;
mod listing;
mod logins;
mod places;
mod programs;
