//! Keys that go while programs are in the middle of something: a locked store, a pulled card, a silent phone. The programs
//! end with an error of their own, none crashes or hangs, and they work again when the keys are back.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use claviger_tests::clients::{Listener, Location, Seat};
use claviger_tests::command::{Ran, run};
use claviger_tests::{in_time, until};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::openssh::Agent;
use crate::pkcs11_tool::{arguments, login, tool};
use crate::{gnutls, nss, openssl};

at_each_location!(who_signs_hears_it, who_logs_in_hears_it);

/// A program that has logged in and reads what it is to sign.
struct Reading {
    child: Child,
}

impl Reading {
    /// Starts it, and waits until it reads.
    async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        assert!(until(|| reads(child.id())).await, "{command:?} never reads");
        Self { child }
    }

    /// Gives it something, and waits for its end.
    async fn goes_on(mut self) -> Ran {
        let ending = tokio::task::spawn_blocking(move || {
            use std::io::Write as _;
            // It may have ended already.
            drop(self.child.stdin.take().unwrap().write_all(b"what is signed"));
            Ran::from(self.child.wait_with_output().unwrap())
        });
        in_time("the end of a program", ending).await.unwrap()
    }
}

/// Returns true where the process waits for its standard input: `read` of descriptor 0, as the kernel tells.
fn reads(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|call| call.starts_with("0 0x0 "))
}

async fn who_signs_hears_it(mut seat: Seat) {
    let agent = Agent::start(&seat).await;
    agent.adds(&seat).await.ok();
    let public = agent.run(&seat, "ssh-add", &["-L"]).await.ok();
    let public = public.text().lines().find(|public| public.starts_with("ecdsa")).expect("it is listed");
    seat.file("ec.ssh", format!("{public}\n"));
    agent.run(&seat, "ssh-add", &["-T", "ec.ssh"]).await.ok();

    let programs = readers(&seat);
    let mut running = Vec::new();
    for command in programs {
        running.push(Reading::start(command).await);
    }
    seat.take_away().await;
    for program in running {
        complains(&program.goes_on().await);
    }
    complains(&agent.run(&seat, "ssh-add", &["-T", "ec.ssh"]).await);
    // A run that begins while they are away, too; the local store is only locked, and opens.
    if seat.location != Location::Local {
        complains(&tool(&seat, "-O --type privkey").await);
    }

    seat.bring_back().await;
    for command in readers(&seat) {
        Reading::start(command).await.goes_on().await.ok();
    }
    // The agent's helper has the session of before; the module is loaded anew.
    agent.removes(&seat).await;
    agent.adds(&seat).await.ok();
    agent.run(&seat, "ssh-add", &["-T", "ec.ssh"]).await.ok();
}

/// Prepares programs that log in, read, and sign.
fn readers(seat: &Seat) -> Vec<Command> {
    let ways = [(&seat.rsa, "SHA256-RSA-PKCS"), (&seat.ec, "ECDSA-SHA256")];
    let tool = ways.map(|(key, mechanism)| {
        let words = format!("--sign --id {} -m {mechanism} -o /dev/null", key.id);
        seat.lasting("pkcs11-tool", &arguments(seat, &words, &login(seat)))
    });
    let openssl = [&seat.rsa, &seat.ec].map(|key| {
        let uri = seat.uri(key, "private");
        let words =
            ["-engine", "pkcs11", "-keyform", "engine", "-sha256", "-sign", &uri, "-out", "/dev/null"];
        seat.lasting("openssl", &[&["dgst"], &words[..]].concat())
    });
    tool.into_iter().chain(openssl).collect()
}

/// Holds that a program ended by itself, and said that something is wrong.
#[track_caller]
fn complains(ran: &Ran) {
    let code = ran.code.expect("it was ended by a signal");
    // What `timeout` makes of programs that hang, and of signals.
    let is_its_own = code != 0 && code != 124 && !(128..200).contains(&code);
    assert!(is_its_own && !ran.stderr.is_empty(), "{ran:?}");
}

/// A door before a server that lets nobody pass until it is opened.
pub(crate) struct Gate {
    /// Where it is.
    pub(crate) port: u16,
    arrived: watch::Receiver<usize>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Puts it up before a port on loopback.
    pub(crate) async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, arrived) = watch::channel(0);
        let (open, is_open) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tell.send_modify(|count| *count += 1);
                let mut is_open = is_open.clone();
                tokio::spawn(async move {
                    // The gate may go with those who wait.
                    if is_open.wait_for(|open| *open).await.is_ok() {
                        let address = SocketAddr::from(([127, 0, 0, 1], server));
                        let mut server = TcpStream::connect(address).await.unwrap();
                        drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Self { port, arrived, open, task }
    }

    /// Waits until that many have come.
    pub(crate) async fn arrive(&self, count: usize) {
        let mut arrived = self.arrived.clone();
        in_time("those who come", arrived.wait_for(|now| *now >= count)).await.unwrap();
    }

    /// Returns how many have come so far.
    pub(crate) fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Lets pass who waits, and who comes.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// Lets nobody pass any more; who is through stays so.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn who_logs_in_hears_it(mut seat: Seat) {
    nss::database(&seat).await;
    let token = nss::token(&seat).await;
    let (_server, port) = Listener::tls(&seat.authority, &["-www"]).await;
    let gate = Gate::before(port).await;
    let mut running = JoinSet::new();
    for client in clients(&seat, gate.port, &token) {
        running.spawn(run(client, openssl::GET));
    }
    tokio::select! {
        () = gate.arrive(running.len()) => {}
        ended = running.join_next() => panic!("it ended before anybody answered: {ended:?}"),
    }
    seat.take_away().await;
    gate.open();
    while let Some(ended) = running.join_next().await {
        complains(&ended.unwrap());
    }
    seat.bring_back().await;
    for client in clients(&seat, port, &token) {
        run(client, openssl::GET).await.ok();
    }
}

/// Prepares programs that prove to a server who alice is.
fn clients(seat: &Seat, port: u16, token: &str) -> Vec<Command> {
    let (rsa, ec) = (seat.uri(&seat.rsa, "private"), seat.uri(&seat.ec, "private"));
    let (rsa_certificate, ec_certificate) = (seat.uri(&seat.rsa, "cert"), seat.uri(&seat.ec, "cert"));
    let mut clients = vec![
        openssl::s_client(seat, port, &seat.rsa, "-tls1_3"),
        gnutls::gnutls_command(seat, port, &["--x509certfile", &rsa_certificate, "--x509keyfile", &rsa]),
    ];
    // These log in when the server answers, or once more: they open a store that was locked, for the others too.
    if seat.location != Location::Local {
        clients.push(openssl::curl_command(seat, port, &["--cert", &ec_certificate, "--key", &ec]));
        // In TLS 1.3 it hangs up before it hears that it is not let in.
        clients.push(nss::tstclnt(seat, port, token, &seat.ec.label, "tls1.2"));
    }
    clients
}
