//! What happens while a question stands.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claviger_phone::approval::{A_WHILE, Unlocking, Verdict};
use claviger_phone::module::{Doing, Making, Module, ModuleKey, Stand};
use claviger_phone::question::Operation;
use claviger_phone::stream::{Ended, Idle, serve};
use claviger_phone_protocol::host::Host;
use claviger_phone_protocol::{
    Closed, Command, Known, NewKey, NewPairing, PairingId, Rv, StaticKey, SystemRandomness, Terms,
};
use claviger_token::{Algorithm, Capabilities, Secret, Spare, TokenOp, TokenOutput};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::computer::{Computer, errand, generate, sign};
use crate::managing::{Phone, Shown, is_signed, passphrase, session, test};

/// A module before another one: it has a place as a card has, and tells of no change.
struct Reader {
    inside: Arc<dyn Module>,
    place: Mutex<String>,
    stand: watch::Sender<Stand>,
}

impl Reader {
    fn new(inside: Arc<dyn Module>) -> Arc<Self> {
        let stand = watch::Sender::new(Stand { unlocked: true, keys: 0 });
        Arc::new(Self { inside, place: Mutex::new("first".to_owned()), stand })
    }

    fn change(&self, place: &str) {
        place.clone_into(&mut self.place.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Module for Reader {
    fn name(&self) -> String {
        self.inside.name()
    }

    fn place(&self) -> Option<String> {
        Some(self.place.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn wants(&self) -> &'static str {
        self.inside.wants()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.inside.capabilities()
    }

    fn is_unlocked(&self) -> bool {
        self.inside.is_unlocked()
    }

    fn is_ready(&self, key: &ModuleKey) -> bool {
        self.inside.is_ready(key)
    }

    fn changes(&self) -> watch::Receiver<Stand> {
        self.stand.subscribe()
    }

    fn keys(&self) -> Vec<Arc<ModuleKey>> {
        self.inside.keys()
    }

    fn key(&self, reference: &str) -> Option<Arc<ModuleKey>> {
        self.inside.key(reference)
    }

    fn unlock(&self, secret: Secret, spare: Spare) -> Doing<'_, ()> {
        self.inside.unlock(secret, spare)
    }

    fn lock(&self) {
        self.inside.lock();
    }

    fn perform(&self, operation: TokenOp) -> Doing<'_, TokenOutput> {
        self.inside.perform(operation)
    }

    fn make<'a>(&'a self, making: Making, new: NewKey, host: &'a str) -> Doing<'a, Arc<ModuleKey>> {
        self.inside.make(making, new, host)
    }

    fn erase<'a>(&'a self, key: &'a ModuleKey) -> Doing<'a, ()> {
        self.inside.erase(key)
    }

    fn certify<'a>(&'a self, key: &'a ModuleKey, certificates: Vec<Vec<u8>>) -> Doing<'a, ()> {
        self.inside.certify(key, certificates)
    }
}

#[test]
fn a_login_at_a_computer_that_logged_out_is_asked_for_once_and_lets_it_in_again() {
    test(|| async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        let signed = phone.request(&laptop, sign(&key, "sign"));
        phone.answer(Verdict::ApprovedFor(A_WHILE)).await;
        assert!(is_signed(&signed.await.expect("it ends")));
        phone.request(&laptop, Command::Logout).await.expect("it ends").expect("done");
        for (verdict, expected) in [(Verdict::Refused, false), (Verdict::ApprovedFor(A_WHILE), true)] {
            let plain = phone.request(&laptop, sign(&key, "sign")).await.expect("it ends");
            assert_eq!(plain.err().expect("it is logged out").rv, Rv::UserNotLoggedIn);
            let signed = phone.request(&laptop, sign(&key, "login"));
            let asked = phone.answer(verdict).await;
            assert_eq!((asked.operation, asked.errand.purpose.as_str()), (Operation::Sign, "login"));
            assert!(asked.warning.is_some_and(|warning| warning.contains("locked")), "the person knows");
            assert_eq!(is_signed(&signed.await.expect("it ends")), expected);
        }
        // It is in again, and each use is asked for as before: the yes was for the login.
        let signed = phone.request(&laptop, sign(&key, "sign"));
        let asked = phone.answer(Verdict::Approved).await;
        assert_eq!((asked.operation, asked.warning), (Operation::Sign, None));
        assert!(is_signed(&signed.await.expect("it ends")));
    });
}

#[test]
fn a_logout_holds_for_what_stands_on_the_screen_whatever_the_person_says() {
    test(|| async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        let signed = phone.request(&laptop, sign(&key, "sign"));
        let Some(Shown::Approve(_, answer)) = phone.screen.recv().await else { panic!("no question") };
        phone.request(&laptop, Command::Logout).await.expect("it ends").expect("done");
        answer.send(Verdict::ApprovedFor(A_WHILE)).expect("somebody waits");
        let failure = signed.await.expect("it ends").err().expect("it logged out");
        assert_eq!(failure.rv, Rv::UserNotLoggedIn);
        // And nothing is allowed for a while.
        let login = Command::Login { secret: None, spare: Spare::Last, errand: errand("unlock") };
        let login = phone.request(&laptop, login);
        phone.answer(Verdict::Approved).await;
        assert!(login.await.expect("it ends").is_ok());
        let signed = phone.request(&laptop, sign(&key, "sign"));
        phone.answer(Verdict::Approved).await;
        assert!(is_signed(&signed.await.expect("it ends")));
        assert_eq!(phone.outcomes()[1..], ["logged out meanwhile", "approved", "approved"]);
    });
}

#[test]
fn a_yes_is_for_the_card_that_was_there_when_it_was_asked_for() {
    test(|| async {
        let mut reader = None;
        let mut phone = Phone::with(|inside| {
            let before = Reader::new(inside);
            reader = Some(Arc::clone(&before));
            before
        })
        .await;
        let reader = reader.expect("made");
        let laptop = session(1);
        let made = phone.request(&laptop, generate(Algorithm::P256, 1));
        let Some(Shown::Approve(_, answer)) = phone.screen.recv().await else { panic!("no question") };
        reader.change("second");
        answer.send(Verdict::Approved).expect("somebody waits");
        assert!(made.await.expect("it ends").is_err());
        assert_eq!(phone.outcomes(), ["another card came meanwhile"]);
        assert!(reader.keys().is_empty());
    });
}

#[test]
fn a_module_that_tells_of_no_change_is_unlocked_all_the_same() {
    test(|| async {
        let mut phone = Phone::with(|inside| Reader::new(inside)).await;
        let laptop = session(1);
        let key = phone.key(&laptop, 1).await;
        // As a card does that refuses its PIN: what it told last says that it is unlocked.
        phone.manager.module().lock();
        let signed = phone.request(&laptop, sign(&key, "sign"));
        let Some(Shown::Unlock(_, answer)) = phone.screen.recv().await else { panic!("no question") };
        assert!(answer.send(Unlocking::Secret(passphrase())).is_ok());
        assert!(is_signed(&signed.await.expect("it ends")));
    });
}

#[test]
fn a_key_that_is_being_made_keeps_its_name() {
    test(|| async {
        let mut phone = Phone::new().await;
        let laptop = session(1);
        let both = [1, 1].map(|number| phone.request(&laptop, generate(Algorithm::Rsa2048, number)));
        for _ in &both {
            phone.answer(Verdict::Approved).await;
        }
        let mut made = 0;
        for one in both {
            made += usize::from(one.await.expect("it ends").is_ok());
        }
        assert_eq!(made, 1);
    });
}

#[test]
fn one_computer_does_not_fill_the_line_before_the_screen() {
    test(|| async {
        let mut phone = Phone::new().await;
        let (laptop, desk) = (session(1), session(2));
        let key = phone.key(&laptop, 1).await;
        let mut many: Vec<_> = (0..9).map(|_| phone.request(&laptop, sign(&key, "sign"))).collect();
        let failure = many.pop().expect("the last").await.expect("it ends").err().expect("no room");
        assert_eq!(failure.rv, Rv::OperationActive);
        let other = phone.request(&desk, sign(&key, "sign"));
        tokio::task::yield_now().await;
        // The one on the screen, then the other computer.
        phone.answer(Verdict::Approved).await;
        assert_eq!(phone.answer(Verdict::Approved).await.host, "host 2");
        assert!(is_signed(&other.await.expect("it ends")));
        // What was allowed for a while is asked about no more, however much waits.
        phone.answer(Verdict::ApprovedFor(A_WHILE)).await;
        for one in many {
            assert!(is_signed(&one.await.expect("it ends")));
        }
    });
}

/// Returns what the phone keeps and what the computer keeps of one pairing.
pub(crate) fn pairing(number: u8, name: &str) -> (NewPairing, Known) {
    let (phone, host) = (StaticKey::from_bytes(&[1; 32]), StaticKey::from_bytes(&[2; 32]));
    let pairing = PairingId::from_bytes([number; 16]);
    let terms = Terms { host: name.to_owned(), user: "alice".to_owned(), uid: 1000 };
    let theirs = Known { pairing, uid: 1000, own: host.clone(), peer: phone.public() };
    let known = Known { pairing, uid: 1000, own: phone, peer: host.public() };
    (NewPairing { known, terms, phone: String::new(), model: String::new() }, theirs)
}

#[test]
fn the_person_sees_for_whom_a_computer_was_paired_and_that_another_has_its_name() {
    test(|| async {
        let mut phone = Phone::new().await;
        let shown = async |phone: &mut Phone| {
            let refused = phone.request(&session(1), generate(Algorithm::P256, 1));
            let lines = phone.answer(Verdict::Refused).await.lines();
            assert!(refused.await.expect("it ends").is_err());
            lines
        };
        let lines = shown(&mut phone).await;
        assert_eq!(
            lines[..2],
            [("Computer", "host 1".to_owned()), ("Paired for", "alice (1000)".to_owned())]
        );
        assert!(lines.iter().all(|(name, _)| *name != "Beware"));
        phone.manager.hosts.keep(pairing(2, "host\u{200b}  1").0).expect("room");
        let lines = shown(&mut phone).await;
        let (_, warning) = lines.iter().find(|(name, _)| *name == "Beware").expect("a warning");
        assert!(warning.contains(&"01".repeat(16)), "{warning}");
    });
}

#[test]
fn a_request_that_fails_by_a_panic_is_answered() {
    test(|| async {
        let mut phone = Phone::new().await;
        // The screen of these tests panics where nobody looks.
        phone.screen.close();
        let (new, known) = pairing(1, "laptop");
        phone.manager.hosts.keep(new).expect("room");
        let (near, far) = UnixStream::pair().expect("a stream");
        near.set_read_timeout(Some(crate::agent::DEADLINE)).expect("a socket");
        far.set_nonblocking(true).expect("a socket");
        let far = tokio::net::UnixStream::from_std(far).expect("a socket");
        let manager = Arc::clone(&phone.manager);
        tokio::spawn(async move { serve(far, &manager, Idle::Short).await });
        let asking = tokio::task::spawn_blocking(move || {
            let mut computer = Computer::connect(near, &known).expect("a channel");
            computer.ask(generate(Algorithm::P256, 1))
        });
        let failure = asking.await.expect("no panic").err().expect("it panicked");
        assert_eq!(failure.rv, Rv::GeneralError);
    });
}

/// "For every frame of a session: … delay 120 s": the line holds a request back, and says other things meanwhile so as not to
/// look dead.
#[test]
fn a_frame_that_is_held_back_comes_to_a_closed_channel() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut phone = Phone::new().await;
        let (new, known) = pairing(1, "laptop");
        phone.manager.hosts.keep(new).expect("room");
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let manager = Arc::clone(&phone.manager);
        let served = tokio::spawn(async move { serve(far, &manager, Idle::Long).await });
        let mut host = Host::connect(vec![known], Box::new(SystemRandomness));
        let mut bytes = [0; 4096];
        loop {
            near.write_all(&host.output()).await.expect("it reads");
            if host.is_open() {
                break;
            }
            let count = near.read(&mut bytes).await.expect("it answers");
            host.receive(&bytes[..count]);
            while host.event().is_some() {}
        }
        host.request(generate(Algorithm::P256, 1)).expect("it is open");
        let held = host.output();
        tokio::time::pause();
        let begin = tokio::time::Instant::now();
        let noise = async {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                if near.write_all(b"\r\nAT\r").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let ended = tokio::select! {
            ended = served => ended.expect("it ends"),
            () = noise => unreachable!("it goes on"),
        };
        assert!(matches!(ended, Ended::Silent));
        assert_eq!(begin.elapsed().as_secs(), 30);
        // On a wire the next channel begins where the last one ended.
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let manager = Arc::clone(&phone.manager);
        let served = tokio::spawn(async move { serve(far, &manager, Idle::Long).await });
        near.write_all(&held).await.expect("it reads");
        assert!(matches!(served.await.expect("it ends"), Ended::Closed(Closed::Forged)));
        assert!(phone.screen.try_recv().is_err(), "nobody is asked");
        assert!(phone.outcomes().is_empty(), "nothing is done");
    });
}
