//! Card readers of the guest's pcscd, for the cards of [`crate::pcsc`].
//!
//! The cards themselves run on the host, in the guest's network: their memory is a folder of the host's, as for a
//! pcscd of the test's own.

use std::path::{Path, PathBuf};

use crate::lab::guest::Guest;
use crate::pcsc::pcscd::{VPCD, readers_conf};
use crate::pcsc::{Card, ForeignUser, Kind, Reader, programs};
use crate::programs::Program;

impl Guest {
    /// Gives the guest's pcscd so many readers that notice a card within 10 ms, as USB readers do, and starts it.
    pub(super) async fn start_pcscd(&self, readers: u16) {
        let readers = readers.next_multiple_of(2);
        for pair in 0..readers / 2 {
            let driver = driver(pair);
            self.copy_in(&programs().join("libvirtual_reader.so"), &driver, 0o644);
            self.copy_in(Path::new(VPCD), &format!("{driver}.vpcd"), 0o644);
        }
        let conf = readers_conf(readers, FIRST_PORT, |pair| PathBuf::from(driver(pair)));
        self.write("/etc/reader.conf.d/virtual", 0o644, conf);
        let quick = "[Service]\nEnvironment=CLAVIGER_READER_POLL_MS=10\n";
        self.write("/run/systemd/system/pcscd.service.d/lab.conf", 0o644, quick);
        self.systemctl("daemon-reload").await.ok();
        self.systemctl("start pcscd.service").await.ok();
    }

    /// Puts a new card into a reader; pcscd has noticed it when this returns. The first reader is 0.
    pub fn card(&self, slot: u16, kind: Kind) -> Card {
        Card::insert_into(self.reader(slot), kind)
    }

    /// Makes a new card that lies beside a reader.
    pub fn card_beside(&self, slot: u16, kind: Kind) -> Card {
        Card::beside_reader(self.reader(slot), kind)
    }

    /// Starts another program in the guest that uses cards as it likes, as root.
    pub fn foreign_user(&self) -> ForeignUser {
        ForeignUser::run(self.command(Program::ForeignCardUser.path()))
    }

    fn reader(&self, slot: u16) -> Reader {
        let entrance = self.machine.entrance().clone();
        let user = move || entrance.command(Program::ForeignCardUser.path());
        Reader::in_network_of(self.leader(), slot, FIRST_PORT + slot, user)
    }
}

fn driver(pair: u16) -> String {
    format!("/usr/lib/claviger-lab/reader-{pair}.so")
}

/// The guest's network is its own, so nobody else has them.
const FIRST_PORT: u16 = 22_000;
