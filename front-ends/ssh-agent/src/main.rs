//! `claviger-ssh-agent`.

fn main() {}
