//! Where and when the figures were taken.

use std::fs;
use std::process::Command;

/// Returns a few lines: date, machine, kernel, versions.
pub(crate) fn describe() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    [
        format!(
            "- date: {}, commit {}",
            said("date", &["-u", "+%F %H:%M UTC"]),
            said("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"])
        ),
        format!(
            "- machine: {processors} x {}, {}",
            field("/proc/cpuinfo", "model name"),
            field("/proc/meminfo", "MemTotal")
        ),
        format!("- kernel: {}", said("uname", &["-sr"])),
        format!("- beside: {}; {}", said("ssh", &["-V"]), said("dbus-daemon", &["--version"])),
    ]
    .join("\n")
}

/// Returns the first line that a program says, on either output.
fn said(program: &str, args: &[&str]) -> String {
    let done = match Command::new(program).args(args).output() {
        Ok(done) if done.status.success() => done,
        _ => return "unknown".to_owned(),
    };
    let bytes = if done.stdout.is_empty() { done.stderr } else { done.stdout };
    String::from_utf8_lossy(&bytes).lines().next().unwrap_or("unknown").to_owned()
}

/// Returns what stands behind the first such name in a file of `/proc`.
fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
}
