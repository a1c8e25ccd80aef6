//! `claviger-ssh-agent`: a user's keys for ssh, git and everything else that asks an ssh-agent.

#![forbid(unsafe_code)]
