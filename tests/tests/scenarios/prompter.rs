//! The whole way: a person's `claviger sign`, the real daemon, the real prompter, and a pinentry with somebody before it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::command::{Ran, as_person};
use claviger_tests::house::House;
use claviger_tests::in_time;
use claviger_tests::place::{Place, give};
use claviger_tests::programs::Program;
use claviger_tests::shell::Shell;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// Alice at her desk: registered, locked, with a prompter that asks through a scripted pinentry.
struct Desk {
    _house: House,
    shell: Shell,
    prompter: Option<Child>,
    asked: PathBuf,
    told: PathBuf,
    _place: Place,
}

impl Desk {
    /// `answers` is what the pinentry does when it is to ask, in the language of the shell.
    async fn set(answers: &str) -> Self {
        let house = House::open().await;
        let shell = Shell::new(&house.bus, &Person::alice());
        shell.file("passphrase", PASSPHRASE).file("message", "a message");
        shell.claviger("register --passphrase-file passphrase").await.ok();

        let place = Place::new();
        let folder = place.folder("desk", &Person::alice());
        let (asked, told) = (folder.join("asked"), folder.join("told"));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &asked, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        give(&asked, &Person::alice(), 0o600);
        let script = PINENTRY
            .replace("ANSWERS", answers)
            .replace("PASSPHRASE", PASSPHRASE)
            .replace("FOLDER", &folder.to_string_lossy());
        let text = place.file("text", script);
        let pinentry = place.path().join("pinentry");
        // Written by another program: this one may fork while it is open here, and what is open to be written cannot be run.
        let installed = Command::new("install").args(["-m", "755"]).args([&text, &pinentry]).status();
        assert!(installed.unwrap().success());

        let mut command = as_person(&Person::alice(), Program::Prompter.path());
        command.arg("--pinentry").arg(pinentry).args(["--bus", &house.bus.address()]);
        let mut prompter = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let journal = prompter.stderr.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(journal).lines().map_while(Result::ok);
            let is_ready = lines.any(|line| line.contains("the key store asks here"));
            // Whatever else it tells is read, or it would wait.
            std::thread::spawn(move || lines.for_each(drop));
            is_ready
        });
        assert!(in_time("the prompter", ready).await.unwrap());
        Self { _house: house, shell, prompter: Some(prompter), asked, told, _place: place }
    }

    /// Begins to sign; the program is in a group of its own.
    fn signs(&self) -> Child {
        let mut command = self.shell.command("sign -o signature message");
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Waits until the pinentry is to ask.
    async fn is_asked(&self) -> Pinentry {
        let asked = self.asked.clone();
        let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(asked).unwrap());
        let number = in_time("the pinentry", reading).await.unwrap();
        Pinentry(Pid::from_raw(number.trim().parse().unwrap()).unwrap())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(mut prompter) = self.prompter.take() {
            prompter.kill().ok();
            prompter.wait().ok();
        }
    }
}

struct Pinentry(Pid);

impl Pinentry {
    async fn ends_within(self, time: Duration) {
        let Ok(process) = pidfd_open(self.0, PidfdFlags::empty()) else { return };
        let waiting = tokio::task::spawn_blocking(move || {
            let limit = Timespec::try_from(time).unwrap();
            poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).unwrap()
        });
        assert_eq!(waiting.await.unwrap(), 1, "the pinentry is still there after {time:?}");
    }
}

async fn end(program: Child) -> Ran {
    let waiting = tokio::task::spawn_blocking(move || program.wait_with_output().unwrap());
    Ran::from(in_time("a program", waiting).await.unwrap())
}

#[tokio::test]
async fn a_locked_store_is_unlocked_by_who_sits_before_the_pinentry() {
    let desk = Desk::set("echo 'D PASSPHRASE'; echo OK").await;
    let signs = desk.signs();
    let program = signs.id();
    desk.is_asked().await;
    end(signs).await.ok();
    let public = desk.shell.claviger("key show --public").await.ok();
    desk.shell.file("public", &public.stdout);
    desk.shell.claviger("verify --public public --signature signature message").await.ok();
    let told = std::fs::read_to_string(&desk.told).unwrap();
    assert!(told.contains("SETPROMPT Pass phrase:"), "{told}");
    assert!(told.contains("The local key store of the computer"), "{told}");
    assert!(told.contains("It is needed to sign with the key"), "{told}");
    assert!(told.contains("The program that asks claims to be "), "{told}");
    assert!(told.contains(&format!("/claviger\", process {program}).")), "{told}");
    assert!(!told.contains(PASSPHRASE));

    // It is unlocked: nobody is asked again.
    end(desk.signs()).await.ok();
    assert_eq!(std::fs::read_to_string(&desk.told).unwrap().matches("GETPIN").count(), 1);
}

#[tokio::test]
async fn who_gives_up_has_a_refusal_and_who_errs_is_asked_again() {
    let desk = Desk::set("echo 'ERR 83886179 Operation cancelled'").await;
    let signs = desk.signs();
    desk.is_asked().await;
    let ran = end(signs).await;
    assert_eq!(ran.code, Some(5), "{ran:?}");

    let answers = "if grep -q 'SETERROR Wrong pass phrase' FOLDER/told; then echo 'D PASSPHRASE'; else echo 'D wrong'; fi; echo OK";
    let desk = Desk::set(answers).await;
    let signs = desk.signs();
    desk.is_asked().await;
    desk.is_asked().await;
    end(signs).await.ok();
}

#[tokio::test]
async fn a_program_that_is_killed_takes_its_question_with_it() {
    let desk = Desk::set("sleep 1000 & wait").await;
    let signs = desk.signs();
    let pinentry = desk.is_asked().await;
    kill_process(Pid::from_child(&signs), Signal::KILL).unwrap();
    pinentry.ends_within(Duration::from_millis(200)).await;
    end(signs).await;
}

#[tokio::test]
async fn a_prompter_that_is_killed_is_as_none() {
    let mut desk = Desk::set("sleep 1000 & wait").await;
    let signs = desk.signs();
    let pinentry = desk.is_asked().await;
    let mut prompter = desk.prompter.take().unwrap();
    prompter.kill().unwrap();
    prompter.wait().unwrap();
    pinentry.ends_within(Duration::from_secs(5)).await;
    let ran = end(signs).await;
    assert_eq!(ran.code, Some(3), "locked, and nobody to ask: {ran:?}");
    assert_eq!(desk.shell.claviger("sign message").await.code, Some(3));
}

const PINENTRY: &str = r#"#!/bin/sh
echo 'OK Pleased to meet you'
while read -r word rest; do
    echo "$word $rest" >>FOLDER/told
    case $word in
    GETPIN)
        echo $$ >FOLDER/asked
        ANSWERS
        ;;
    BYE) exit 0 ;;
    *) echo OK ;;
    esac
done
"#;
