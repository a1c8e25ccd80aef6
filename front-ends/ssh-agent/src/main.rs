//! `claviger-ssh-agent`: a user's keys for ssh.

use std::process::ExitCode;

fn main() -> ExitCode {
    claviger_ssh_agent::main()
}
