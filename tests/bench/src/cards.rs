//! Cards: an operation beside its raw APDUs and beside OpenSC, several readers at once, and how soon a removal shows.
//!
//! pcscd, reader and applet are real; the chip is a process on this machine, so the applet's computation is part of every
//! figure, of the floor's too.

use std::path::Path;
use std::time::Duration;

use claviger_dbus::names;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::{Card, Kind, Pcscd};

use crate::bus::Bus;
use crate::child::Partner;
use crate::crew::Crew;
use crate::daemon::Starter;
use crate::error::Error;
use crate::figures::Figures;
use crate::role::Role;

/// How many readers work at once.
pub(crate) const READERS: u16 = 4;
/// What each command takes on a card that is as slow as real ones are: a P-256 signature of five commands is 25 ms.
const SLOW: Duration = Duration::from_millis(5);

/// Measures all of it with a daemon of its own.
pub(crate) fn measure(
    exe: &Path,
    bus: &Bus,
    starter: &mut Starter<'_>,
    (rounds, millis): (usize, u64),
    figures: &mut Figures,
) -> Result<(), Error> {
    eprintln!("cards");
    let pcscd = Pcscd::that_notices_at_once(READERS + 1);
    let mut cards: Vec<Card> = (0..=READERS).map(|slot| Card::insert(&pcscd, slot, Kind::Piv)).collect();
    // With certificates, without which OpenSC sees no key. OpenSC 0.23 has no curves on this card: it is compared with
    // RSA, on the first card, as it looks at the first four only.
    for card in &cards {
        let algorithm = if card.slot() == 0 { "RSA2048" } else { "ECCP256" };
        PivIssuer::new(&pcscd, card).key("9a", algorithm);
    }
    starter.with_pcscd(pcscd.socket());
    let (daemon, _) = starter.start("cards")?;
    let mut owner = Partner::start(exe, &Role::Owner { bus: bus.address().to_owned() }, None)?;
    let keys = cards.iter().map(|card| owner.ask(&format!("card {}", card.reader())));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut crews = Crews::hire(exe, bus, &pcscd, (&cards[1], &cards[0]))?;
    for round in 1..=rounds {
        eprintln!("cards, round {round} of {rounds}");
        crews.one_card((&keys[1], &keys[0]), millis, figures)?;
    }
    for card in &mut cards {
        card.set_delay(SLOW);
    }
    for _ in 0..rounds {
        for count in [1, 2, usize::from(READERS)] {
            let rate = crews.several_cards(&keys[1..=count], 4 * millis)?;
            figures.note(format!("slow-cards/{count}"), rate);
        }
    }
    for card in &mut cards {
        card.set_delay(Duration::ZERO);
    }
    let watcher = Role::CardWatcher {
        bus: bus.address().to_owned(),
        socket: pcscd.socket(),
        reader: cards[0].reader().to_owned(),
    };
    let mut watcher = Partner::start(exe, &watcher, None)?;
    for _ in 0..4 * rounds {
        watcher.order("watch")?;
        watcher.answer()?;
        cards[0].remove();
        let millis: f64 = watcher
            .answer()?
            .parse()
            .map_err(|_| Error::Child { who: watcher.name().to_owned(), said: "no number".to_owned() })?;
        figures.note("removal", millis);
        cards[0].put_back();
    }
    daemon.stop()
}

/// The processes that work with cards: raw APDUs, OpenSC in two ways, and one client of the daemon for each reader.
struct Crews {
    raw: Crew,
    opensc: Crew,
    opensc_login: Crew,
    daemon: Vec<Crew>,
}

impl Crews {
    fn hire(exe: &Path, bus: &Bus, pcscd: &Pcscd, (p256, rsa): (&Card, &Card)) -> Result<Self, Error> {
        let socket = pcscd.socket();
        let raw = Role::RawCard { socket: socket.clone(), reader: p256.reader().to_owned() };
        let opensc =
            |login| Role::OpenScCard { socket: socket.clone(), reader: rsa.reader().to_owned(), login };
        let caller = Role::Caller {
            bus: bus.address().to_owned(),
            service: names::BUS_NAME.to_owned(),
            channels: 1,
            nice: false,
        };
        Ok(Self {
            raw: Crew::hire(exe, &raw, 1, None)?,
            opensc: Crew::hire(exe, &opensc(false), 1, None)?,
            opensc_login: Crew::hire(exe, &opensc(true), 1, None)?,
            daemon: (0..READERS).map(|_| Crew::hire(exe, &caller, 1, None)).collect::<Result<_, _>>()?,
        })
    }

    /// One client, one card, in turn by each way.
    fn one_card(
        &mut self,
        (p256, rsa): (&str, &str),
        millis: u64,
        figures: &mut Figures,
    ) -> Result<(), Error> {
        let job = format!("sign {p256} ECDSA");
        figures.note_load("card-raw", 1, &self.raw.run(1, millis, "sign")?);
        figures.note_load("card-daemon", 1, &self.daemon[0].run(1, millis, &job)?);
        let job = format!("sign {rsa} SHA256_RSA_PKCS");
        figures.note_load("card-daemon-rsa", 1, &self.daemon[0].run(1, millis, &job)?);
        figures.note_load("card-opensc", 1, &self.opensc.run(1, millis, "sign")?);
        figures.note_load("card-opensc-login", 1, &self.opensc_login.run(1, millis, "sign")?);
        Ok(())
    }

    /// One client for each of these cards, all at once; returns what they do together, per second.
    fn several_cards(&mut self, keys: &[String], millis: u64) -> Result<f64, Error> {
        for (crew, key) in self.daemon.iter_mut().zip(keys) {
            crew.begin(1, millis, &format!("sign {key} ECDSA"))?;
        }
        let mut rate = 0.0;
        for (crew, _) in self.daemon.iter_mut().zip(keys) {
            rate += crew.finish(1)?.rate;
        }
        Ok(rate)
    }
}
