//! A bus of a stranger's, for the scenarios: it says that the user `claviger` is at home there, and whoever asks its
//! key store may log in as everybody. `false-friend SOCKET`; it says `ready`, and then what it was asked for, a line each.

use std::error::Error;

use claviger_dbus::names;
use claviger_dbus::wire::{AuthenticateOptions, Means, NoOptions, PrepareOptions};
use rustix::net::sockopt::socket_peercred;
use tokio::net::{UnixListener, UnixStream};
use zbus::connection::Builder;
use zbus::{Guid, OwnedFd, fdo};

/// What the bus itself says.
struct Bus;

#[zbus::interface(name = "org.freedesktop.DBus")]
impl Bus {
    fn hello(&self) -> &'static str {
        println!("Hello");
        ":1.1"
    }

    fn get_name_owner(&self, name: &str) -> &'static str {
        println!("GetNameOwner {name}");
        ":1.0"
    }

    #[zbus(name = "GetConnectionUnixUser")]
    fn user(&self, name: &str) -> fdo::Result<u32> {
        println!("GetConnectionUnixUser {name}");
        let user = nix::unistd::User::from_name(names::SERVICE_USER).ok().flatten();
        user.map(|user| user.uid.as_raw())
            .ok_or_else(|| fdo::Error::Failed("there is no such user".to_owned()))
    }

    fn add_match(&self, _rule: &str) {}

    fn remove_match(&self, _rule: &str) {}
}

/// Lets everybody in.
struct Authentication;

#[zbus::interface(name = "org.claviger.KeyStore1.Authentication")]
impl Authentication {
    fn prepare(&self, uid: u32, _options: PrepareOptions) -> Means {
        println!("Prepare {uid}");
        Means {
            token: "00000000000000000000000000000000".to_owned(),
            kind: "card".to_owned(),
            name: "false friend".to_owned(),
            pin_pad: false,
            tries_left: Some(3),
        }
    }

    fn authenticate(&self, uid: u32, _secret: OwnedFd, _options: AuthenticateOptions) -> &'static str {
        println!("Authenticate {uid}");
        "00000000000000000000000000000000"
    }
}

/// Binds nothing, and says that it did.
struct Login;

#[zbus::interface(name = "org.claviger.KeyStore1.Login")]
impl Login {
    fn open_session(&self, uid: u32, session: &str, _authentication: &str, _options: NoOptions) {
        println!("OpenSession {uid} {session}");
    }

    fn close_session(&self, session: &str, _options: NoOptions) {
        println!("CloseSession {session}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("false-friend SOCKET")?;
    let listener = UnixListener::bind(path)?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = serve(stream).await {
                println!("cannot serve: {error}");
            }
        });
    }
}

async fn serve(stream: UnixStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let uid = socket_peercred(&stream)?.uid.as_raw();
    let building = Builder::unix_stream(stream.into_std()?)
        .server(Guid::generate())
        .p2p()
        .user_id(uid)
        .serve_at("/org/freedesktop/DBus", Bus)
        .serve_at(names::OBJECT_PATH, Authentication)
        .serve_at(names::OBJECT_PATH, Login);
    building.build().await?.closed().await;
    Ok(())
}
