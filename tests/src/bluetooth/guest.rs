//! Runs a test in a guest: the test program itself, once more, inside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::Semaphore;

/// Runs a test's body in a guest of its own.
///
/// Outside, this boots a guest that runs this test of this test program, and fails with everything that was said there if
/// it fails there. Inside, it runs the body. Only a few guests run at a time.
pub async fn in_guest<Body: AsyncFnOnce()>(body: Body) {
    match is_inside() {
        true => body().await,
        false => boot_for::<Body>(&[]).await,
    }
}

/// Returns true in a guest.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Boots a guest for the test with that body. Where there are layers, the first on top, they are its root and its systemd
/// runs; else its root is the one with BlueZ.
pub(crate) async fn boot_for<Body>(layers: &[&Path]) {
    static ROOM: Semaphore = Semaphore::const_new(AT_A_TIME);
    let test = test_of::<Body>();
    // It is never closed. No deadline: others may be long about it.
    let _room = ROOM.acquire().await.unwrap();
    let out = tempfile::Builder::new().prefix("claviger-bluetooth-").tempdir_in("/tmp").unwrap();
    let began = Instant::now();
    let failure = run(&test, out.path(), layers).await.err();
    println!("{test}: {:.1} s from the boot to the result", began.elapsed().as_secs_f64());
    if let Some(failure) = failure {
        fail(&test, &failure, out);
    }
}

/// Boots, and returns what is wrong with the result.
async fn run(test: &str, out: &Path, layers: &[&Path]) -> Result<(), String> {
    let program = std::env::current_exe().unwrap();
    let programs = crate::programs::folder();
    let start = format!(
        "export {INSIDE}=1 CLAVIGER_BIN_DIR={}\ncd /tmp\nexec {} --exact {test} --test-threads 1 --nocapture\n",
        programs.display(),
        program.display()
    );
    fs::write(out.join("start"), start).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = outermost([repository, programs, program.parent().unwrap()]);
    let layers: Vec<_> = layers.iter().map(|layer| layer.to_str().unwrap()).collect();
    let mut guest = Command::new("setpriv");
    guest.args(["--pdeathsig", "KILL", "--"]).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/bluetooth/boot.sh"));
    guest.arg(folder()).arg(out).arg(folders).arg(layers.join(":"));
    guest.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    guest.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut guest = guest.spawn().expect("setpriv runs");
    let ended = tokio::time::timeout(LIMIT, guest.wait()).await;
    if ended.is_err() {
        guest.kill().await.unwrap();
        return Err(format!("it took longer than {LIMIT:?}"));
    }
    let said = read(&out.join("log"));
    // What a test measures is for whoever reads the host's output. The first stands behind the test's name.
    for figure in said.lines().filter_map(|line| line.find("figure: ").map(|at| &line[at..])) {
        println!("{figure}");
    }
    let status =
        fs::read_to_string(out.join("status")).map_err(|_| "the guest ended without a result".to_owned())?;
    if status.trim() != "0" {
        return Err(format!("its exit code is {}", status.trim()));
    }
    // A test program that knows no such test is content as well.
    if !said.contains("test result: ok. 1 passed") {
        return Err("it did not run".to_owned());
    }
    Ok(())
}

/// Fails the test with what was said in the guest, and leaves the folder for who looks closer, as `btmon -r` does.
fn fail(test: &str, failure: &str, out: TempDir) -> ! {
    let out = out.keep();
    let mut logs: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.retain(|path| {
        path.ends_with("console") || path.extension().is_some_and(|extension| extension == "log")
    });
    logs.push(out.join("log"));
    for log in logs {
        let said = read(&log);
        let tail = said.len() - said.len().min(SHOWN);
        // A character that is cut in two is not shown.
        let tail = (tail..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(said.len());
        println!("---- {}\n{}", log.display(), &said[tail..]);
    }
    panic!("{test} failed in the guest: {failure}; all that it wrote is in {}", out.display());
}

/// Returns the folder of the kernel and the root, building them where they are missing.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("CLAVIGER_BLUETOOTH_GUEST") {
            return folder.into();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/bluetooth-guest.sh");
        let ran = std::process::Command::new(script).stderr(Stdio::inherit()).output();
        let ran = ran.expect("the script can be run");
        assert!(ran.status.success(), "the Bluetooth guest does not build");
        String::from_utf8(ran.stdout).unwrap().trim_end().into()
    })
}

/// Returns those of the folders that are in none of the others, with colons between.
fn outermost<'a>(folders: impl IntoIterator<Item = &'a Path>) -> String {
    let mut outermost: Vec<&Path> = Vec::new();
    // In this order a folder comes after those that it is in.
    for folder in folders.into_iter().collect::<BTreeSet<_>>() {
        if !outermost.iter().any(|outer| folder.starts_with(outer)) {
            outermost.push(folder);
        }
    }
    outermost.iter().map(|folder| folder.to_str().unwrap()).collect::<Vec<_>>().join(":")
}

/// Returns the name of the test whose body this is, as the test program lists it.
fn test_of<Body>() -> String {
    // bluetooth::echo::bytes_come_back::{{closure}}::{{closure}}: after the program, before what is inside.
    let name = std::any::type_name::<Body>();
    let name = name.split_once("::").map_or(name, |(_, name)| name);
    name.split("::{{").next().unwrap_or(name).to_owned()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Set inside of guests.
const INSIDE: &str = "CLAVIGER_INSIDE_BLUETOOTH_GUEST";

/// How many guests run at a time: each keeps a processor busy.
const AT_A_TIME: usize = 2;

/// How long a guest may take: longer than what waits inside of it, which knows better what it waits for.
const LIMIT: Duration = Duration::from_secs(180);

/// How many bytes of each log a failure shows.
const SHOWN: usize = 16 * 1024;
