//! Lines between a computer and a phone that can be cut: of terminals, as USB is, and of sockets, as behind `adb reverse`.
//!
//! Each has a pump between its ends, which is part of every figure, of the floor's too.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use claviger_tests::accounts::Person;
use claviger_tests::phone::{Plan, Relay, Tap, Way, Wire};

use crate::echo::{Place, Sizes};
use crate::error::{Doing, Error};

/// A line with its ends.
pub(crate) enum Line {
    /// Two terminals. When it is cut they are gone, and others have their names when it is there again, as with USB.
    Terminals {
        /// Where udev names real ones, or the daemon takes it for no terminal.
        names: Names,
        wire: Option<Wire>,
    },
    /// A socket whose listener connects to the daemon's.
    Sockets { relay: Relay, behind: PathBuf },
}

/// Two names for terminals that come and go, away with the value.
pub(crate) struct Names(u32);

impl Names {
    fn new() -> Result<Self, Error> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        std::fs::create_dir_all(BY_ID).doing("make a folder of terminals' names")?;
        Ok(Self(NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn of(&self, end: &str) -> PathBuf {
        PathBuf::from(format!("{BY_ID}/claviger-bench-{}-{}-{end}", std::process::id(), self.0))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        for end in [COMPUTER, PHONE] {
            drop(std::fs::remove_file(self.of(end)));
        }
        // Where nothing else is named there.
        drop(std::fs::remove_dir(BY_ID));
    }
}

const BY_ID: &str = "/dev/serial/by-id";

impl Line {
    /// Lays a line of terminals.
    pub(crate) fn terminals() -> Result<Self, Error> {
        let names = Names::new()?;
        let mut line = Self::Terminals { names, wire: None };
        line.mend()?;
        Ok(line)
    }

    /// Lays a line of sockets to the one that is, or will be, at that path.
    pub(crate) fn sockets(behind: PathBuf) -> Self {
        Self::Sockets { relay: Relay::to(behind.clone(), &Person::root()), behind }
    }

    /// Cuts it: both ends see it end.
    pub(crate) fn cut(&mut self) -> Result<(), Error> {
        match self {
            Self::Terminals { names, wire } => {
                for name in [COMPUTER, PHONE] {
                    std::fs::remove_file(names.of(name)).doing("take a terminal away")?;
                }
                *wire = None;
            }
            Self::Sockets { relay, .. } => relay.cut(),
        }
        Ok(())
    }

    /// Lets it be there again.
    pub(crate) fn mend(&mut self) -> Result<(), Error> {
        match self {
            Self::Terminals { names, wire } => {
                let new = Wire::between(&Person::root(), &Person::root());
                for (terminal, name) in [(new.computer(), COMPUTER), (new.phone(), PHONE)] {
                    symlink(terminal, names.of(name)).doing("name a terminal")?;
                }
                *wire = Some(new);
            }
            Self::Sockets { relay, .. } => relay.mend(),
        }
        Ok(())
    }

    /// Plans a phone at the phone's end.
    pub(crate) fn plan(&self) -> Plan {
        let plan = Plan { person: Person::root(), ..Plan::new() };
        match self {
            Self::Terminals { names, .. } => plan.link(&["--serial", &text(&names.of(PHONE))]),
            Self::Sockets { relay, .. } => plan.over(relay),
        }
    }

    /// Returns the daemon's name for its end.
    pub(crate) fn link(&self) -> String {
        match self {
            Self::Terminals { names, .. } => format!("serial:{}", text(&names.of(COMPUTER))),
            Self::Sockets { .. } => "socket".to_owned(),
        }
    }

    /// Returns where an echo's client and server have their ends.
    pub(crate) fn ends(&self) -> [Place; 2] {
        match self {
            Self::Terminals { names, .. } => [COMPUTER, PHONE].map(|name| Place::Terminal(names.of(name))),
            Self::Sockets { relay, behind } => {
                [Place::Socket(relay.socket().to_owned()), Place::Socket(behind.clone())]
            }
        }
    }

    /// Returns how many bytes have gone to the phone, and to the computer.
    pub(crate) fn carried(&self) -> Sizes {
        let carried = |tap: &Tap| Sizes {
            question: tap.carried(Way::ToPhone).len(),
            answer: tap.carried(Way::ToComputer).len(),
        };
        match self {
            Self::Terminals { wire, .. } => {
                wire.as_ref().map_or(Sizes { question: 0, answer: 0 }, |wire| carried(wire.tap()))
            }
            Self::Sockets { relay, .. } => carried(relay.tap()),
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

const COMPUTER: &str = "computer";
const PHONE: &str = "phone";
