//! Where a card is put: a reader of some pcscd.

use std::path::Path;
use std::process::Command;

use crate::pcsc::foreign::{ForeignUser, at_socket};
use crate::pcsc::pcscd::{Pcscd, reader_name};

/// A reader, where its card plugs in, and how other programs reach the same pcscd.
pub struct Reader {
    slot: u16,
    port: u16,
    /// The process whose network the port is in; `None` for our own.
    network: Option<u32>,
    /// Starts `foreign-card-user` where it reaches the pcscd.
    user: Box<dyn Fn() -> Command + Send + Sync>,
}

impl Reader {
    /// A reader of a pcscd of the test's own.
    pub(super) fn of(pcscd: &Pcscd, slot: u16) -> Self {
        let socket = pcscd.socket();
        let user = move || at_socket(&socket);
        Self { slot, port: pcscd.port(slot), network: None, user: Box::new(user) }
    }

    /// A reader of the pcscd in a machine of its own, whose network is that of process `network`. `user` starts
    /// `foreign-card-user` there.
    pub(crate) fn in_network_of<F>(network: u32, slot: u16, port: u16, user: F) -> Self
    where
        F: Fn() -> Command + Send + Sync + 'static,
    {
        Self { slot, port, network: Some(network), user: Box::new(user) }
    }

    /// Returns the number; the first is 0.
    pub(super) fn slot(&self) -> u16 {
        self.slot
    }

    /// Returns the port where it waits for a card.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the name that pcscd gives it.
    pub(super) fn name(&self) -> String {
        reader_name(self.slot)
    }

    /// Returns a command that runs where the port is.
    pub(super) fn command(&self, program: &Path) -> Command {
        let Some(process) = self.network else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target"]).arg(process.to_string()).arg("--").arg(program);
        command
    }

    /// Starts another program at this pcscd.
    pub(super) fn foreign_user(&self) -> ForeignUser {
        ForeignUser::run((self.user)())
    }
}
