use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::{PairingId, PairingUri};
use claviger_token::{Secret, TokenError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use zeroize::Zeroizing;

use super::{LINE_LIMIT, ListedHost, ListedKey, Listing, Reply, Request, SECRET_LIMIT};
use crate::hosts::Host;
use crate::invitation::{Invitation, Invited, News};
use crate::manager::SecurityManager;
use crate::problem::{FAILED, LOCKED, REFUSED};

/// Serves the command line for ever.
pub async fn serve(listener: UnixListener, manager: Arc<SecurityManager>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let manager = Arc::clone(&manager);
                tokio::spawn(async move {
                    // Who hangs up in the middle gets no answer, and wants none.
                    drop(Talk { stream, manager }.run().await);
                });
            }
            Err(error) => {
                eprintln!("claviger-phone: cannot take a connection at the control socket: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Makes the socket, in a folder that only this user may enter.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    crate::link::bind(path)
}

/// One connection.
struct Talk {
    stream: UnixStream,
    manager: Arc<SecurityManager>,
}

impl Talk {
    async fn run(mut self) -> io::Result<()> {
        let peer = self.stream.peer_cred()?.uid();
        if peer != rustix::process::geteuid().as_raw() && peer != 0 {
            return self
                .say(&Reply::Failed { code: REFUSED, why: "this is another user's".to_owned() })
                .await;
        }
        let line = self.line().await?;
        let request = match serde_json::from_slice(&line) {
            Ok(request) => request,
            Err(error) => return self.say(&failed(&error)).await,
        };
        match request {
            Request::List => {
                let reply = Reply::Listing(self.listing());
                self.say(&reply).await
            }
            Request::Forget { id } => {
                let reply = self.forget(&id);
                self.say(&reply).await
            }
            Request::Lock => {
                self.manager.lock();
                self.say(&Reply::Done).await
            }
            Request::Unlock { length } => {
                let secret = self.secret(length).await?;
                let reply = self.unlock(secret).await;
                self.say(&reply).await
            }
            Request::PairByUri { length, answers } => {
                let text = self.secret(length).await?;
                match parse(&text) {
                    Ok(uri) => self.pair(Invited::Uri(uri), answers).await,
                    Err(why) => self.say(&Reply::Failed { code: FAILED, why }).await,
                }
            }
            Request::PairByNumbers { answers } => self.pair(Invited::Numbers, answers).await,
        }
    }

    fn listing(&self) -> Listing {
        let module = self.manager.module();
        Listing {
            name: self.manager.name.clone(),
            module: module.name(),
            unlocked: module.is_unlocked(),
            hosts: self.manager.hosts.list().iter().map(|(host, here)| listed(host, *here)).collect(),
            keys: module
                .keys()
                .iter()
                .map(|key| ListedKey {
                    reference: key.reference().to_owned(),
                    label: key.label.clone(),
                    algorithm: key.handle.info.algorithm.name().to_owned(),
                    created: key.created,
                })
                .collect(),
        }
    }

    fn forget(&self, id: &str) -> Reply {
        let Ok(id) = id.parse::<PairingId>() else {
            return Reply::Failed { code: FAILED, why: "a pairing has 32 hexadecimal digits".to_owned() };
        };
        match self.manager.forget(id, "the phone's person has ended the pairing") {
            Ok(Some(_)) => Reply::Done,
            Ok(None) => Reply::Failed { code: FAILED, why: "there is no such pairing".to_owned() },
            Err(error) => failed(&error),
        }
    }

    async fn unlock(&self, secret: Secret) -> Reply {
        match self.manager.unlock(secret).await {
            Ok(()) => Reply::Done,
            Err(
                error @ (TokenError::WrongSecret { .. } | TokenError::SecretUnfit(_) | TokenError::Blocked),
            ) => Reply::Failed { code: LOCKED, why: error.to_string() },
            Err(error) => failed(&error),
        }
    }

    /// Invites, and tells what becomes of it until it is paired, or over, or who invited hangs up.
    async fn pair(&mut self, invited: Invited, answers: bool) -> io::Result<()> {
        let by_numbers = matches!(invited, Invited::Numbers);
        let Some(invitation) = self.manager.invitations.invite(invited, answers) else {
            let why = "another pairing is under way".to_owned();
            return self.say(&Reply::Failed { code: FAILED, why }).await;
        };
        self.say(&Reply::Waiting).await?;
        match tokio::time::timeout(PAIRING, self.follow(invitation, by_numbers)).await {
            Ok(told) => told,
            Err(_elapsed) => {
                let why = "no computer was paired within two minutes".to_owned();
                self.say(&Reply::Failed { code: FAILED, why }).await
            }
        }
    }

    async fn follow(&mut self, mut invitation: Invitation, by_numbers: bool) -> io::Result<()> {
        let mut is_shown = false;
        loop {
            let mut nothing = [0];
            let news = tokio::select! {
                news = invitation.news.recv() => news,
                // Nothing is to be said here now: whatever comes, the end included, means that the person gave up.
                _ = self.stream.read(&mut nothing) => return Ok(()),
            };
            match news {
                Some(News::Code(code)) => {
                    is_shown = true;
                    self.say(&Reply::Code { code }).await?;
                }
                Some(News::Asked(question, answer)) => {
                    let lines = question.lines().into_iter().map(|(name, text)| (name.to_owned(), text));
                    self.say(&Reply::Asked { lines: lines.collect() }).await?;
                    let yes = self.line().await?.as_slice() == b"true";
                    // A computer that went meanwhile needs no answer.
                    let _ = answer.send(yes);
                    if !yes {
                        let why = "you refused the pairing".to_owned();
                        return self.say(&Reply::Failed { code: REFUSED, why }).await;
                    }
                }
                Some(News::Paired(host)) => return self.say(&Reply::Paired(listed(&host, true))).await,
                Some(News::Refused) => {
                    let why = "the pairing was refused".to_owned();
                    return self.say(&Reply::Failed { code: REFUSED, why }).await;
                }
                // Digits that were shown once are not tried again.
                Some(News::Failed(why)) if by_numbers && is_shown => {
                    return self.say(&Reply::Failed { code: FAILED, why }).await;
                }
                // The computer of the URI, and no other, has said so: it does not come again.
                Some(News::GivenUp(why)) if is_shown || !by_numbers => {
                    let why = format!("the computer has given it up: {why}");
                    return self.say(&Reply::Failed { code: FAILED, why }).await;
                }
                Some(News::Failed(why) | News::GivenUp(why)) => self.say(&Reply::Trouble { why }).await?,
                None => return Ok(()),
            }
        }
    }

    async fn say(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.stream.write_all(&line).await
    }

    /// Reads a line, byte by byte: what follows it may be a secret, which no buffer keeps.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.stream.read_u8().await? {
                b'\n' => return Ok(line),
                _ if line.len() == LINE_LIMIT => return Err(io::ErrorKind::InvalidData.into()),
                byte => line.push(byte),
            }
        }
    }

    async fn secret(&mut self, length: usize) -> io::Result<Secret> {
        if length > SECRET_LIMIT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.stream.read_exact(&mut bytes).await?;
        Ok(Secret::take(&mut bytes))
    }
}

fn parse(text: &Secret) -> Result<PairingUri, String> {
    let text = std::str::from_utf8(text.expose()).map_err(|_| "the pairing URI is no text".to_owned())?;
    text.trim().parse().map_err(|error: claviger_phone_protocol::InvalidUri| error.to_string())
}

fn listed(host: &Host, connected: bool) -> ListedHost {
    ListedHost {
        id: host.known.pairing.to_string(),
        host: host.name.clone(),
        user: host.user.clone(),
        uid: host.known.uid,
        paired: host.paired,
        connected,
    }
}

fn failed(error: &dyn std::fmt::Display) -> Reply {
    Reply::Failed { code: FAILED, why: error.to_string() }
}

/// How long an invitation stands.
const PAIRING: Duration = Duration::from_secs(120);
