//! A card that can be pulled, garbled and hung at any command.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use data_encoding::HEXUPPER;

use crate::pcsc::pcscd::Pcscd;
use crate::pcsc::reader::Reader;
use crate::pcsc::talk::Talk;
use crate::place::Place;

/// What is on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NIST SP 800-73-4. PIN 123456, PUK 12345678, the management key that all such cards come with.
    Piv,
    /// OpenPGP card 3.4. PIN 123456, admin PIN 12345678.
    OpenPgp,
    /// Both.
    PivAndOpenPgp,
    /// A Common Access Card with three RSA-2048 keys and certificates. PIN 77777777.
    Cac,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Piv => "piv",
            Self::OpenPgp => "openpgp",
            Self::PivAndOpenPgp => "piv+openpgp",
            Self::Cac => "cac",
        }
    }
}

/// A card in a reader, or beside it. What is on it goes with the value.
pub struct Card {
    talk: Talk,
    reader: Reader,
    name: String,
    serial: u32,
    state: PathBuf,
    _place: Place,
}

impl Card {
    /// Makes a new card and puts it into a reader; pcscd has noticed it when this returns.
    pub fn insert(pcscd: &Pcscd, slot: u16, kind: Kind) -> Self {
        Self::insert_into(Reader::of(pcscd, slot), kind)
    }

    /// Makes a new card that lies beside the reader.
    pub fn beside(pcscd: &Pcscd, slot: u16, kind: Kind) -> Self {
        Self::beside_reader(Reader::of(pcscd, slot), kind)
    }

    /// The same as [`Card::insert`], into a reader of whichever pcscd.
    pub(crate) fn insert_into(reader: Reader, kind: Kind) -> Self {
        let card = Self::make(reader, kind, true);
        card.wait_until_present();
        card
    }

    /// The same as [`Card::beside`], beside a reader of whichever pcscd.
    pub(crate) fn beside_reader(reader: Reader, kind: Kind) -> Self {
        Self::make(reader, kind, false)
    }

    fn make(reader: Reader, kind: Kind, is_in: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = Place::new();
        let state = place.path().join("card");
        let mut command = reader.command(&super::programs().join("virtual-card"));
        command.args(["--port", &reader.port().to_string(), "--kind", kind.word()]);
        command.args(["--serial", &serial.to_string()]).arg("--state").arg(&state);
        command.args((!is_in).then_some("--out"));
        let mut talk = Talk::start(command);
        assert_eq!(talk.answer().as_deref(), Ok("ready"));
        Self { talk, name: reader.name(), reader, serial, state, _place: place }
    }

    /// Returns the serial number: the last four bytes of a PIV card's GUID, the serial number of an OpenPGP card.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Returns the name of its reader.
    pub fn reader(&self) -> &str {
        &self.name
    }

    /// Returns the number of its reader.
    pub fn slot(&self) -> u16 {
        self.reader.slot()
    }

    /// Returns the folder of its memory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Pulls it. pcscd notices within 400 ms, or when it next sends a command.
    pub fn remove(&mut self) {
        self.order("remove");
    }

    /// Pulls it and waits until pcscd has noticed.
    pub fn remove_noticed(&mut self) {
        self.remove();
        self.reader.foreign_user().wait_until_absent(&self.name);
    }

    /// Puts it in again and waits until pcscd has noticed.
    pub fn put_back(&mut self) {
        self.order("insert");
        self.wait_until_present();
    }

    /// Pulls it and puts it in again so soon. pcscd may notice nothing but a command that fails.
    pub fn swap_fast(&mut self, pause: Duration) {
        self.order(&format!("swap-fast {}", pause.as_millis()));
    }

    /// Makes it another card, that of `state`, while it is beside the reader.
    pub fn load(&mut self, state: &Path, kind: Kind, serial: u32) {
        self.order(&format!("load {} {} {serial}", state.display(), kind.word()));
        (self.state, self.serial) = (state.to_owned(), serial);
    }

    /// Waits until the reader has it again, after pcscd was started anew.
    pub async fn seen_again(&mut self) {
        self.event("lost").await;
        self.event("seen").await;
        self.wait_until_present();
    }

    /// Makes every answer take this long.
    pub fn set_delay(&mut self, delay: Duration) {
        self.order(&format!("delay-us {}", delay.as_micros()));
    }

    /// Makes the answer to the `nth` command from now take this long; 1 is the next.
    pub fn delay_at(&mut self, nth: u64, delay: Duration) {
        self.order(&format!("delay-ms-at {nth} {}", delay.as_millis()));
    }

    /// Pulls it when the `nth` command comes, which it does not carry out. Event `remove-before`.
    pub fn remove_before(&mut self, nth: u64) {
        self.order(&format!("remove-before {nth}"));
    }

    /// Pulls it when it has carried the `nth` command out, before it answers. Event `remove-unanswered`.
    pub fn remove_unanswered(&mut self, nth: u64) {
        self.order(&format!("remove-unanswered {nth}"));
    }

    /// Pulls it when it has answered the `nth` command. Event `remove-after`.
    pub fn remove_after(&mut self, nth: u64) {
        self.order(&format!("remove-after {nth}"));
    }

    /// Cuts the answer to the `nth` command to so many bytes. Event `truncate-at`.
    pub fn truncate_at(&mut self, nth: u64, length: usize) {
        self.order(&format!("truncate-at {nth} {length}"));
    }

    /// Gives other bytes, status and all, in answer to the `nth` command. Event `garble-at`.
    pub fn garble_at(&mut self, nth: u64, answer: &[u8]) {
        self.order(&format!("garble-at {nth} {}", HEXUPPER.encode(answer)));
    }

    /// Answers the `nth` command not before [`Card::resume`]. Event `hang-at`.
    pub fn hang_at(&mut self, nth: u64) {
        self.order(&format!("hang-at {nth}"));
    }

    /// Lets a card that hangs answer.
    pub fn resume(&mut self) {
        self.order("resume");
    }

    /// Forgets what was planned and has not happened.
    pub fn forget_plans(&mut self) {
        self.order("forget-plans");
    }

    /// Returns how many commands have come.
    pub fn count(&mut self) -> u64 {
        self.ask("count").parse().unwrap()
    }

    /// Counts from zero again.
    pub fn reset_count(&mut self) {
        self.order("reset-count");
    }

    /// Keeps the traffic from now on: all of it, or only headers and status.
    pub fn log(&mut self, depth: Depth) {
        self.order(match depth {
            Depth::Off => "log off",
            Depth::Headers => "log on",
            Depth::Full => "log full",
        });
    }

    /// Returns what was kept, and forgets it.
    pub fn drain_log(&mut self) -> Vec<Logged> {
        let said = self.ask("drain-log");
        said.split(' ').skip(1).map(Logged::parse).collect()
    }

    /// Sets what the finger does on a card that wants to be touched.
    pub fn touch(&mut self, finger: Finger) {
        self.order(match finger {
            Finger::Holds => "touch hold",
            Finger::Waits => "touch wait",
            Finger::Presses => "touch press",
        });
    }

    /// Waits for the next event of that name, and forgets those before it.
    pub async fn event(&mut self, name: &str) {
        self.talk.event(name).await;
    }

    /// Waits for the next event of that name, keeping the thread busy.
    pub fn event_now(&mut self, name: &str) {
        self.talk.event_now(name);
    }

    fn wait_until_present(&self) {
        self.reader.foreign_user().wait_until_present(&self.name);
    }

    fn order(&mut self, order: &str) {
        let answer = self.talk.ask(order);
        assert_eq!(answer.as_deref(), Ok("ok"), "{order}");
    }

    fn ask(&mut self, order: &str) -> String {
        self.talk.ask(order).unwrap_or_else(|why| panic!("{order}: {why}"))
    }
}

/// How much of the traffic a card keeps.
#[derive(Clone, Copy, Debug)]
pub enum Depth {
    /// Nothing.
    Off,
    /// The four bytes of a command's header, and the status.
    Headers,
    /// Every byte.
    Full,
}

/// What the finger does.
#[derive(Clone, Copy, Debug)]
pub enum Finger {
    /// It is on the button all the time, as on a new card.
    Holds,
    /// It waits until it is told.
    Waits,
    /// It presses once, and waits again.
    Presses,
}

/// What a card kept of the traffic.
#[derive(Clone, PartialEq, Eq)]
pub enum Logged {
    /// A command, and the answer if there was one.
    Exchange(Vec<u8>, Option<Vec<u8>>),
    /// The power: `on`, `off` or `reset`.
    Power(String),
}

impl Logged {
    fn parse(word: &str) -> Self {
        let bytes = |digits: &str| HEXUPPER.decode(digits.as_bytes()).unwrap();
        match word.split_once('/') {
            Some((command, "-")) => Self::Exchange(bytes(command), None),
            Some((command, answer)) => Self::Exchange(bytes(command), Some(bytes(answer))),
            None => Self::Power(word.to_owned()),
        }
    }

    /// Returns the command, unless it is about the power.
    pub fn command(&self) -> Option<&[u8]> {
        match self {
            Self::Exchange(command, _) => Some(command),
            Self::Power(_) => None,
        }
    }

    /// Returns the status bytes of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Exchange(_, Some(answer)) => answer.last_chunk().map(|last| u16::from_be_bytes(*last)),
            Self::Exchange(_, None) | Self::Power(_) => None,
        }
    }
}

impl std::fmt::Debug for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Power(word) => f.write_str(word),
            Self::Exchange(command, answer) => {
                f.write_str(&HEXUPPER.encode(command))?;
                f.write_char('/')?;
                f.write_str(&answer.as_deref().map_or("-".to_owned(), |answer| HEXUPPER.encode(answer)))
            }
        }
    }
}
