//! What is installed, by its files: those that whoever asks may see.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;

use super::finding::{
    Finding::{self, Broken, Notice, Well},
    Findings,
};
use crate::show::plain;

/// Examines the files.
pub(super) fn examine(findings: &mut Findings) {
    let user = User::from_name("claviger").ok().flatten();
    let uid = user.map(|user| user.uid.as_raw());
    findings.push(("user", user_finding(uid)));
    if let Some(uid) = uid {
        findings.push(("state", state_finding(uid, &fs::metadata(STATE))));
    }
    findings.push(("settings", settings_finding(&fs::metadata(CONFIGURATION))));
    findings.push(("polkit rule", rule_finding(&fs::metadata(RULE))));
    if nix::unistd::geteuid().is_root() {
        findings.push(("host secret", secret_finding(Path::new(HOST_SECRET).exists())));
    }
    let module = module(&MODULE_FOLDERS.map(PathBuf::from));
    findings.push(("login", login_finding(module.as_deref(), &stacks(Path::new("/etc/pam.d")))));
}

fn user_finding(uid: Option<u32>) -> Finding {
    match uid {
        Some(uid) => Well(format!("claviger has number {uid}")),
        None => Broken("there is no user claviger".to_owned(), "make it: systemd-sysusers claviger.conf"),
    }
}

fn state_finding(uid: u32, state: &io::Result<Metadata>) -> Finding {
    match state {
        Ok(state) if state.uid() != uid => Broken(
            format!("{STATE} belongs to uid {}, not to claviger", state.uid()),
            "give it back: chown -R claviger:claviger /var/lib/claviger",
        ),
        Ok(state) if state.mode() & 0o077 != 0 => Broken(
            format!("{STATE} is open to others (mode {:04o})", state.mode() & 0o7777),
            "close it: chmod 700 /var/lib/claviger",
        ),
        Ok(_) => Well(format!("{STATE} is claviger's alone")),
        Err(error) => Broken(
            format!("cannot look at {STATE}: {error}"),
            "make it: systemd-tmpfiles --create claviger.conf",
        ),
    }
}

fn settings_finding(settings: &io::Result<Metadata>) -> Finding {
    match settings {
        Ok(settings) if settings.uid() != 0 || settings.mode() & 0o022 != 0 => Broken(
            format!("{CONFIGURATION} can be changed by others than root"),
            "take it back: chown root:root /etc/claviger/claviger.toml; chmod 644 /etc/claviger/claviger.toml",
        ),
        Ok(_) => Well(CONFIGURATION.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Well(format!("no {CONFIGURATION}; everything is as it comes"))
        }
        Err(error) => Broken(
            format!("cannot look at {CONFIGURATION}: {error}"),
            "let everybody read it: chmod 755 /etc/claviger",
        ),
    }
}

fn rule_finding(rule: &io::Result<Metadata>) -> Finding {
    match rule {
        Ok(_) => Well(RULE.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Well("not to be seen by everybody; root sees more".to_owned())
        }
        Err(error) => Broken(
            format!("cannot look at {RULE}: {error}"),
            "install 50-claviger.rules, or no session can be locked or ended",
        ),
    }
}

fn secret_finding(is_there: bool) -> Finding {
    if is_there {
        Well(format!("{HOST_SECRET}: pass phrases are bound to this host once there is a recovery code"))
    } else {
        Notice(
            "none: whoever copies the disk can guess at pass phrases elsewhere".to_owned(),
            "make one as docs/install.md says (systemd-creds encrypt)",
        )
    }
}

fn login_finding(module: Option<&Path>, stacks: &[String]) -> Finding {
    match (module, stacks) {
        (None, []) => Notice(
            "pam_claviger.so is not installed; nobody logs in with a token".to_owned(),
            "install it where PAM looks for its modules, see docs/pam.md",
        ),
        (None, stacks) => Broken(
            format!("there is no pam_claviger.so, but /etc/pam.d names it: {}", plain(&stacks.join(", "))),
            "install it where PAM looks for its modules, or take those lines out (pam-auth-update)",
        ),
        (Some(_), []) => Notice(
            "no program asks for a token: nothing in /etc/pam.d names pam_claviger.so".to_owned(),
            "switch it on with pam-auth-update, or as docs/pam.md says",
        ),
        (Some(_), stacks) => Well(format!("pam_claviger.so stands in {}", plain(&stacks.join(", ")))),
    }
}

/// Returns the module, in one of these folders or one below it (`/usr/lib/x86_64-linux-gnu/security`).
fn module(folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().find_map(|folder| {
        let below =
            fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        let places = below.chain([folder.clone()]);
        places.map(|place| place.join("security/pam_claviger.so")).find(|module| module.exists())
    })
}

/// Returns the names of the stacks that use the module, sorted. Comments do not count.
fn stacks(folder: &Path) -> Vec<String> {
    let names_it = |path: &Path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line.split('#').next().is_some_and(|line| line.contains("pam_claviger.so")))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut stacks: Vec<String> = entries
        .filter(|entry| names_it(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    stacks.sort_unstable();
    stacks
}

const STATE: &str = "/var/lib/claviger";
const CONFIGURATION: &str = "/etc/claviger/claviger.toml";
const RULE: &str = "/usr/share/polkit-1/rules.d/50-claviger.rules";
const HOST_SECRET: &str = "/etc/credstore.encrypted/claviger.host";
const MODULE_FOLDERS: [&str; 4] = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::{
        Broken, Notice, Well, login_finding, module, rule_finding, settings_finding, stacks, state_finding,
        user_finding,
    };

    #[test]
    fn a_state_folder_that_others_may_enter_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let uid = fs::metadata(&state).unwrap().uid();
        let with_mode = |mode| {
            fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
            fs::metadata(&state)
        };
        assert!(matches!(state_finding(uid, &with_mode(0o700)), Well(_)));
        assert!(matches!(state_finding(uid, &with_mode(0o750)), Broken(seen, _) if seen.contains("0750")));
        assert!(
            matches!(state_finding(uid + 1, &with_mode(0o700)), Broken(_, mend) if mend.contains("chown"))
        );
        let missing = fs::metadata(folder.path().join("missing"));
        assert!(matches!(state_finding(uid, &missing), Broken(_, mend) if mend.contains("tmpfiles")));
    }

    #[test]
    fn settings_that_others_may_write_are_found_and_none_are_well() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(settings_finding(&fs::metadata(file.path())), Broken(..)));
        assert!(matches!(settings_finding(&Err(ErrorKind::NotFound.into())), Well(_)));
        assert!(matches!(settings_finding(&Err(ErrorKind::PermissionDenied.into())), Broken(..)));
        assert!(matches!(rule_finding(&Err(ErrorKind::NotFound.into())), Broken(..)));
        assert!(matches!(rule_finding(&Err(ErrorKind::PermissionDenied.into())), Well(_)));
        assert!(matches!(user_finding(None), Broken(_, mend) if mend.contains("sysusers")));
    }

    #[test]
    fn the_module_and_the_stacks_that_use_it_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let libraries = [folder.path().join("lib")];
        assert_eq!(module(&libraries), None);
        let security = folder.path().join("lib/x86_64-linux-gnu/security");
        fs::create_dir_all(&security).unwrap();
        fs::write(security.join("pam_claviger.so"), "").unwrap();
        assert_eq!(module(&libraries), Some(security.join("pam_claviger.so")));

        let line = "auth sufficient pam_claviger.so try_first_pass\n";
        fs::write(folder.path().join("sudo"), line).unwrap();
        fs::write(folder.path().join("login"), format!("# comment\n{line}")).unwrap();
        fs::write(folder.path().join("su"), format!("#{line}")).unwrap();
        assert_eq!(stacks(folder.path()), ["login", "sudo"]);
    }

    #[test]
    fn a_stack_without_its_module_is_broken_and_a_module_without_a_stack_is_told() {
        let (module, stack) = (Path::new("/lib/security/pam_claviger.so"), ["sudo".to_owned()]);
        assert!(matches!(login_finding(Some(module), &stack), Well(seen) if seen.ends_with("sudo")));
        assert!(
            matches!(login_finding(Some(module), &[]), Notice(_, mend) if mend.contains("pam-auth-update"))
        );
        assert!(matches!(login_finding(None, &stack), Broken(..)));
        assert!(matches!(login_finding(None, &[]), Notice(..)));
    }
}
