//! git, the shell's lines, and a command with an agent beside it.

use claviger_tests::command::run;
use claviger_tests::in_time;

use crate::desk::Desk;

#[tokio::test]
async fn git_signs_commits_with_the_default_key() {
    let desk = Desk::set().await;
    let git = async |words: &str| desk.run("git", words).await;
    git("init -q repository").await.ok();
    for setting in [
        "user.name alice",
        "user.email alice@example.org",
        "gpg.format ssh",
        "gpg.ssh.allowedSignersFile ../allowed",
        "gpg.ssh.defaultKeyCommand ../default",
    ] {
        git(&format!("-C repository config {setting}")).await.ok();
    }
    // The guides' line: the first key of the agent.
    desk.file("default", "#!/bin/sh\necho \"key::$(ssh-add -L | head -n 1)\"\n");
    run_mode(&desk, "default").await;
    let mut allowed = String::new();
    for name in ["one", "two"] {
        desk.generate("Ed25519", name).await;
        allowed += &format!("alice@example.org {}", desk.text(&format!("{name}.pub")));
        desk.file("allowed", &allowed);
        desk.shell.claviger(&format!("key default {name} --purpose sign")).await.ok();
        git(&format!("-C repository commit -q --allow-empty -S -m {name}")).await.ok();
        let verified = git("-C repository verify-commit HEAD").await.ok();
        assert!(verified.stderr.contains("Good \"git\" signature"), "{verified:?}");
        let shown = git("-C repository log -1 --format=%GK").await.ok();
        let expected = desk.run("ssh-keygen", &format!("-l -f {name}.pub")).await.ok();
        assert!(expected.text().contains(shown.text()), "it is {name}'s: {shown:?}");
    }
}

async fn run_mode(desk: &Desk, name: &str) {
    desk.run("chmod", &format!("700 {name}")).await.ok();
}

#[tokio::test]
async fn the_lines_of_the_shell_begin_and_end_an_agent() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    let mut command = desk.program("/bin/sh");
    command.env("AGENT", desk.agent_command().get_program()).env("BUS", desk.house.bus.address());
    command.env("XDG_RUNTIME_DIR", &desk.home).env_remove("SSH_AUTH_SOCK");
    command.arg("-ec").arg(
        r#"
        eval "$("$AGENT" --bus "$BUS" -s)" >/dev/null
        ls -l "$SSH_AUTH_SOCK"; ls -ld "$(dirname "$SSH_AUTH_SOCK")"
        ssh-add -L
        pid=$SSH_AGENT_PID socket=$SSH_AUTH_SOCK
        kill -0 "$pid"
        eval "$("$AGENT" -k)"
        while kill -0 "$pid" 2>/dev/null; do :; done
        test ! -e "$socket"
        test -z "${SSH_AGENT_PID:-}"
        "#,
    );
    let ran = run(command, b"").await.ok();
    let lines: Vec<&str> = ran.text().lines().collect();
    assert!(lines[0].starts_with("srw-------") && lines[1].starts_with("drwx------"), "{lines:?}");
    assert!(lines[2].starts_with("ssh-ed25519 ") && lines[2].ends_with(" key"), "{lines:?}");
    assert!(lines[3].starts_with("Agent pid ") && lines[3].ends_with(" killed"), "{lines:?}");
}

#[tokio::test]
async fn a_command_has_an_agent_beside_it_which_ends_with_it() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    let mut command = desk.agent_command();
    command.env_remove("SSH_AUTH_SOCK");
    command.args(["sh", "-c", "ssh-add -L; echo $SSH_AGENT_PID $SSH_AUTH_SOCK; exit 7"]);
    let ran = run(command, b"").await;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    let (key, rest) = ran.text().split_once('\n').unwrap();
    assert!(key.ends_with(" key"));
    let (pid, socket) = rest.split_once(' ').unwrap();
    let process = format!("/proc/{pid}");
    let is_gone = claviger_tests::until(|| !std::path::Path::new(&process).exists());
    assert!(in_time("the agent's end", is_gone).await);
    assert!(!std::path::Path::new(socket).exists(), "{socket}");
}

#[tokio::test]
async fn a_place_that_is_taken_is_left_alone() {
    let desk = Desk::set().await;
    let mut command = desk.agent_command();
    command.args(["-D", "-a"]).arg(desk.socket());
    let second = run(command, b"").await;
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("cannot listen at"), "{second:?}");
    assert_eq!(desk.run("ssh-add", "-l").await.code, Some(1), "the first one still answers");
}

#[tokio::test]
async fn systemd_may_have_the_socket() {
    let desk = Desk::set().await;
    desk.generate("Ed25519", "key").await;
    let socket = desk.home.join("passed.sock");
    // systemd lets go of all descriptors, and alice may not be let into the folder of the working copy. Copied by another
    // program: this one may fork while it is open here, and what is open to be written cannot be run.
    let place = claviger_tests::place::Place::new();
    let program = place.path().join("claviger-ssh-agent");
    let built = claviger_tests::programs::folder().join("claviger-ssh-agent");
    let installed =
        std::process::Command::new("install").args(["-m", "755"]).args([&built, &program]).status();
    assert!(installed.unwrap().success());
    let mut command = desk.program("systemd-socket-activate");
    command.arg("-l").arg(&socket).arg("-E").arg(format!("HOME={}", desk.home.display()));
    command.arg(&program).args(desk.agent_command().get_args()).arg("-D");
    let mut activated = command.stdin(std::process::Stdio::null()).spawn().unwrap();
    assert!(claviger_tests::until(|| socket.exists()).await);
    let mut list = desk.program("ssh-add");
    list.env("SSH_AUTH_SOCK", &socket).arg("-L");
    let listed = run(list, b"").await;
    let pid = rustix::process::Pid::from_child(&activated);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || activated.wait().unwrap());
    assert!(in_time("the agent's end", ended).await.unwrap().success());
    assert!(listed.ok().text().ends_with(" key"));
    assert!(socket.exists(), "it is systemd's");
}
