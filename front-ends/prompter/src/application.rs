use std::fs;
use std::os::unix::ffi::OsStrExt as _;

/// What a process claims to be. It is no proof: the process may have become another program meanwhile, and any program of the
/// same user can take any name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// The process.
    pub pid: Option<u32>,
    /// The file that it runs.
    pub program: Option<String>,
    /// The name that it goes by.
    pub name: Option<String>,
}

impl Application {
    /// Looks a process up; what cannot be seen is left out.
    pub(crate) fn of(pid: Option<u32>) -> Self {
        let Some(pid) = pid else { return Self::default() };
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        let program = program.map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned());
        let name = fs::read(format!("/proc/{pid}/comm"));
        let name = name.map(|name| String::from_utf8_lossy(&name).trim_end().to_owned());
        Self { pid: Some(pid), program: program.ok(), name: name.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::Application;

    #[test]
    fn a_process_is_told_by_its_program_and_its_name() {
        let this = Application::of(Some(std::process::id()));
        let program = std::env::current_exe().expect("a program");
        assert_eq!(this.program.as_deref(), program.to_str());
        assert!(this.name.is_some_and(|name| !name.is_empty() && !name.ends_with('\n')));
    }

    #[test]
    fn a_process_that_is_gone_has_only_its_number() {
        let child = std::process::Command::new("true").spawn();
        let mut child = child.expect("a process");
        let pid = child.id();
        assert!(child.wait().expect("an end").success());
        assert_eq!(Application::of(Some(pid)), Application { pid: Some(pid), ..Application::default() });
        assert_eq!(Application::of(None), Application::default());
    }
}
