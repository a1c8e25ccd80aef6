//! Telling the hosts that this device is about to sleep.

use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::Notice;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, OwnedFd};

use crate::bus;
use crate::hosts::Order;
use crate::manager::SecurityManager;

/// Watches logind for ever, where there is one.
pub(crate) async fn watch(manager: Arc<SecurityManager>) {
    loop {
        // Without logind this device does not sleep, or says so to nobody: its hosts find out by its silence.
        drop(follow(&manager).await);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(manager: &SecurityManager) -> zbus::Result<()> {
    let connection = Connection::system().await?;
    let mut signals = bus::signals(&connection, NAME, MANAGER, None).await?;
    let (mut lock, mut logind) = delay(&connection).await?;
    while let Some(message) = bus::next(&mut signals).await {
        let message = message?;
        // Anybody may send a signal that looks like logind's.
        let is_it = message.header().member().is_some_and(|member| member.as_str() == "PrepareForSleep");
        if !is_it || bus::sender(&message) != logind {
            continue;
        }
        manager.take_back();
        if message.body().deserialize::<bool>()? {
            manager.hosts.tell_all(&Order::Say(Notice::Pause(LONGEST_PAUSE)));
            // The streams write it as soon as this task waits.
            tokio::time::sleep(LAST_WORDS).await;
            drop(lock.take());
        } else {
            (lock, logind) = delay(&connection).await?;
        }
    }
    Ok(())
}

/// Has logind wait for the last words before it sleeps. Returns who logind is as well.
async fn delay(connection: &Connection) -> zbus::Result<(Option<OwnedFd>, Option<OwnedUniqueName>)> {
    let body = ("sleep", "claviger-phone", "tells paired computers", "delay");
    let path = "/org/freedesktop/login1";
    let reply = connection.call_method(Some(NAME), path, Some(MANAGER), "Inhibit", &body).await?;
    let logind = bus::sender(&reply);
    Ok((Some(reply.body().deserialize()?), logind))
}

const NAME: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";

/// The longest pause that a host believes, in seconds.
const LONGEST_PAUSE: u32 = 120;

const LAST_WORDS: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_secs(60);
