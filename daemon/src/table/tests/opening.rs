use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{account, open, raw, two_users, user};
use crate::table::{Table, TableError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Returns why the table does not open.
fn refusal(folder: &Path) -> TableError {
    Table::open(folder).err().expect("the table does not open")
}

fn assert_unsafe(folder: &Path, culprit: &str, cause: &str) {
    match refusal(folder) {
        TableError::Unsafe { path, reason } => {
            assert!(path.ends_with(culprit) && reason.contains(cause), "{}: {reason}", path.display());
        }
        other => panic!("{culprit}: {other:?}"),
    }
}

#[tokio::test]
async fn folder_and_files_are_the_daemons_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("made/by it");
    let table = open(&folder);
    table.enrol(user(1)).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["lock", "table.db", "table.db-wal"], "and there is no -shm");
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    two_users(folder.path()).await.close().await;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path().join("table.db"), Permissions::from_mode(0o644)).unwrap();
    let table = open(folder.path());
    assert_eq!((mode(folder.path()), mode(&folder.path().join("table.db"))), (0o700, 0o600));
    assert_eq!(account(&table, 1000).await.keys.len(), 2);
}

#[tokio::test]
async fn what_is_not_the_daemons_own_is_not_trusted() {
    for file in ["lock", "table.db", "table.db-wal", "table.db-journal"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        let elsewhere = folder.path().join("elsewhere");

        symlink(&elsewhere, &path).unwrap();
        assert_unsafe(folder.path(), file, "symbolic link");
        assert!(!elsewhere.exists(), "nothing was made through the link");
        fs::remove_file(&path).unwrap();

        fs::create_dir(&path).unwrap();
        assert_unsafe(folder.path(), file, "not a plain file");
        fs::remove_dir(&path).unwrap();

        fs::write(&path, "").unwrap();
        fs::hard_link(&path, &elsewhere).unwrap();
        assert_unsafe(folder.path(), file, "second name");
        fs::remove_file(&elsewhere).unwrap();

        fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        assert_unsafe(folder.path(), file, "others may write");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();

        chown(&path, Some(65_534), None).unwrap();
        assert_unsafe(folder.path(), file, "another user");
        fs::remove_file(&path).unwrap();
        open(folder.path()).close().await;
    }
}

#[tokio::test]
async fn a_folder_that_is_not_the_daemons_own_is_not_trusted() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let link = parent.path().join("link");
    open(&folder).close().await;
    symlink(&folder, &link).unwrap();
    assert_unsafe(&link, "link", "symbolic link");
    assert_unsafe(&parent.path().join("link/"), "link", "symbolic link");

    fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
    assert_unsafe(&folder, "state", "others may write");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(65_534), None).unwrap();
    assert_unsafe(&folder, "state", "another user");

    fs::write(parent.path().join("file"), "").unwrap();
    assert_unsafe(&parent.path().join("file"), "file", "not a folder");
}

#[tokio::test]
async fn a_symbolic_link_above_the_folder_is_the_administrators_business() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join("disk")).unwrap();
    symlink("disk", parent.path().join("var")).unwrap();
    open(&parent.path().join("var/state")).close().await;
    assert!(parent.path().join("disk/state/table.db").exists());
}

#[tokio::test]
async fn a_second_daemon_is_refused_until_the_first_closes() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let refused = refusal(folder.path());
    let TableError::InUse { path } = &refused else { panic!("{refused:?}") };
    assert_eq!(*path, folder.path().canonicalize().unwrap().join("lock"));
    let text = refused.to_string();
    assert!(text.contains(path.to_str().unwrap()) && text.contains("another clavigerd"), "{text}");
    table.close().await;
    open(folder.path()).close().await;
}

#[tokio::test]
async fn another_process_holds_the_folder_and_is_kept_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let lock = folder.path().join("lock");
    let attempt =
        |lock: &Path| Command::new("flock").arg("--nonblock").arg(lock).arg("true").status().unwrap();
    assert_eq!(attempt(&lock).code(), Some(1), "flock is told that it is taken");
    table.close().await;
    assert!(attempt(&lock).success());

    let mut holder = Holder::of(&lock);
    assert!(matches!(refusal(folder.path()), TableError::InUse { .. }));
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    open(folder.path()).close().await;
}

/// Another process that has the lock.
struct Holder {
    process: Child,
}

impl Holder {
    fn of(lock: &Path) -> Self {
        // Without a fork the lock ends with the process, however that ends.
        let mut process = Command::new("flock")
            .args(["--no-fork", "--exclusive"])
            .arg(lock)
            .arg("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It answers only when it has the lock.
        process.stdin.as_mut().unwrap().write_all(b"!").unwrap();
        process.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self { process }
    }
}

#[tokio::test]
async fn a_database_that_an_administrator_has_open_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    two_users(folder.path()).await.close().await;
    let administrator = raw(folder.path());
    administrator.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(refusal(folder.path()), TableError::InUse { path } if path.ends_with("table.db")));
    drop(administrator);
    open(folder.path()).close().await;
}

#[tokio::test]
async fn the_settings_are_those_of_the_design() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let settings = table
        .thread
        .run(|store| {
            store.read(|connection| {
                let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
                let text = |name| connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
                Ok((
                    (text("journal_mode")?, text("locking_mode")?),
                    ["synchronous", "secure_delete", "foreign_keys", "trusted_schema", "temp_store"]
                        .map(|name| number(name).unwrap()),
                ))
            })
        })
        .await
        .unwrap();
    // FULL, ON, ON, OFF, MEMORY.
    assert_eq!(settings, (("wal".into(), "exclusive".into()), [2, 1, 1, 0, 2]));
}
