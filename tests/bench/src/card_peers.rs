//! Child processes beside the daemon at a card: the same APDUs sent raw, OpenSC, and one that looks when a removal shows.

use std::ffi::CString;
use std::io::BufRead;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use claviger_dbus::proxy::{ServiceProxy, TokenChangedStream};
use claviger_dbus::wire::NoOptions;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};

use crate::calls::connect;
use crate::child::{say, say_ready};
use crate::crew::{in_threads, obey};
use crate::error::{Doing, Error};
use crate::owner::next;

/// What the daemon sends for one P-256 signature: SELECT, VERIFY, GENERAL AUTHENTICATE, and the VERIFY that logs out.
const SELECT: &[u8] = b"\x00\xa4\x04\x00\x05\xa0\x00\x00\x03\x08\x00";
const VERIFY: &[u8] = b"\x00\x20\x00\x80\x08123456\xff\xff";
const SIGN: &[u8] = b"\x00\x87\x11\x9a\x26\x7c\x24\x82\x00\x81\x20";
const LOGOUT: &[u8] = b"\x00\x20\xff\x80";

/// Sends them as it is told, in a transaction each time.
pub(crate) fn raw(reader: &str) -> Result<(), Error> {
    let failed = |error: pcsc::Error| Error::Child { who: "pcscd".to_owned(), said: error.to_string() };
    let context = Context::establish(Scope::User).map_err(failed)?;
    let name = CString::new(reader).map_err(|_| said("a name with a zero in it"))?;
    let card = context.connect(&name, ShareMode::Shared, Protocols::ANY).map_err(failed)?;
    let sign = [SIGN, &[3; 32], &[0]].concat();
    let mut cards = [card];
    obey(|order| {
        in_threads(&mut cards, order.shift, |card| {
            let transaction = card.transaction().map_err(failed)?;
            for command in [SELECT, VERIFY, &sign, LOGOUT] {
                let mut room = [0; 512];
                let answer = transaction.transmit(command, &mut room).map_err(failed)?;
                if !answer.ends_with(&[0x90, 0x00]) {
                    return Err(said("another status than 9000"));
                }
            }
            transaction.end(Disposition::LeaveCard).map_err(|(_, error)| failed(error))
        })
    })
}

/// Signs through OpenSC in this process: logged in once, as a browser is, or for each signature, as the daemon is.
pub(crate) fn opensc(reader: &str, login: bool) -> Result<(), Error> {
    let failed =
        |error: cryptoki::error::Error| Error::Child { who: "OpenSC".to_owned(), said: error.to_string() };
    let module = Pkcs11::new(MODULE).map_err(failed)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(failed)?;
    let mut wanted = None;
    for slot in module.get_slots_with_token().map_err(failed)? {
        if reader.starts_with(module.get_slot_info(slot).map_err(failed)?.slot_description().trim_end()) {
            wanted = Some(slot);
        }
    }
    let slot = wanted.ok_or_else(|| said("no card in that reader"))?;
    let session = module.open_ro_session(slot).map_err(failed)?;
    let pin = AuthPin::new("123456".to_owned().into_boxed_str());
    session.login(UserType::User, Some(&pin)).map_err(failed)?;
    let private = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let key =
        session.find_objects(&private).map_err(failed)?.first().copied().ok_or_else(|| said("no key"))?;
    let mut sessions = [session];
    obey(|order| {
        in_threads(&mut sessions, order.shift, |session| {
            if login {
                // Left over from before, or from the turn before.
                drop(session.logout());
                session.login(UserType::User, Some(&pin)).map_err(failed)?;
            }
            session.sign(&Mechanism::Sha256RsaPkcs, key, &[3; 32]).map(drop).map_err(failed)
        })
    })
}

/// For each order says `watching`, and then how many milliseconds lie between pcscd's report of a removal and the daemon's
/// signal.
pub(crate) fn watch(bus: &str, reader: &str) -> Result<(), Error> {
    let (orders, reports) = reports(reader)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start a watcher")?;
    runtime.block_on(async {
        let bus = connect(bus).await?;
        let service = ServiceProxy::new(&bus).await?;
        let mut changes = service.receive_token_changed().await?;
        service.subscribe(&NoOptions {}).await?;
        say_ready()?;
        let mut is_out = false;
        for order in std::io::stdin().lock().lines() {
            order.doing("hear an order")?;
            if is_out {
                shown(&mut changes, "present").await?;
            }
            orders.send(()).map_err(|_| said("nothing more of pcscd"))?;
            // pcscd is asked before the card is pulled.
            reports.recv_timeout(PATIENCE).map_err(|_| said("nothing of pcscd"))?;
            say("watching")?;
            let shown = shown(&mut changes, "removed").await?;
            is_out = true;
            let reported = reports.recv_timeout(PATIENCE).map_err(|_| said("nothing of pcscd"))?;
            let later = shown.saturating_duration_since(reported).as_secs_f64();
            let earlier = reported.saturating_duration_since(shown).as_secs_f64();
            say(&format!("{}", (later - earlier) * 1e3))?;
        }
        Ok(())
    })
}

/// Returns when the daemon told that a card is that now.
async fn shown(changes: &mut TokenChangedStream, presence: &str) -> Result<Instant, Error> {
    loop {
        let change = tokio::time::timeout(PATIENCE, next(changes)).await.doing("wait for the signal")?;
        let change = change.ok_or_else(|| said("good-bye"))?;
        let heard = Instant::now();
        if change.args()?.state().presence.as_deref() == Some(presence) {
            return Ok(heard);
        }
    }
}

/// For each order tells twice: when it begins to wait, and when pcscd reported the slot empty.
fn reports(reader: &str) -> Result<(mpsc::Sender<()>, mpsc::Receiver<Instant>), Error> {
    let failed = |error: pcsc::Error| Error::Child { who: "pcscd".to_owned(), said: error.to_string() };
    let context = Context::establish(Scope::User).map_err(failed)?;
    let name = CString::new(reader).map_err(|_| said("a name with a zero in it"))?;
    let (orders, ordered) = mpsc::channel::<()>();
    let (reported, reports) = mpsc::channel();
    std::thread::spawn(move || {
        for () in ordered {
            let mut states = [ReaderState::new(name.clone(), State::UNAWARE)];
            let mut told = false;
            loop {
                if context.get_status_change(Some(PATIENCE), &mut states).is_err() {
                    return;
                }
                let now = Instant::now();
                let empty = states[0].event_state().contains(State::EMPTY);
                states[0].sync_current_state();
                match (told, empty) {
                    (false, false) => told = reported.send(now).is_ok(),
                    (true, true) => {
                        let _gone = reported.send(now);
                        break;
                    }
                    _ => {}
                }
            }
        }
    });
    Ok((orders, reports))
}

fn said(what: &str) -> Error {
    Error::Child { who: "a card".to_owned(), said: what.to_owned() }
}

const MODULE: &str = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
const PATIENCE: Duration = Duration::from_secs(20);
