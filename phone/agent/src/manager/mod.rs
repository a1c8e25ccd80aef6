//! The security manager: takes what hosts ask, asks the person, has the module do it, and notes what came of it.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`SecurityManager`]: what all streams share |
//! | `check` | what is held before the person is asked |
//! | `leave` | the person's yes to one operation, and the line about it |
//! | `request` | one command of a host, from its question to its answer |
//! | `screen` | `Screen`: one question at a time, hosts in turn |
//! | `session` | [`Session`]: one channel of one host |

mod check;
mod leave;
mod request;
mod screen;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_phone_protocol::{Change, Notice, PairingId};
use claviger_token::{Secret, Spare, TokenError};

use crate::allowances::Allowances;
use crate::approval::Approver;
use crate::audit::Audit;
use crate::hosts::{Host, Hosts, Order};
use crate::invitation::Invitations;
use crate::module::Module;
use crate::store::StoreError;

use screen::Screen;
pub(crate) use screen::{TooMany, Turn};
pub use session::Session;

/// What all streams share.
pub struct SecurityManager {
    /// The name of this device for people.
    pub name: String,
    /// What kind of device it is.
    pub model: String,
    /// The paired computers.
    pub hosts: Arc<Hosts>,
    /// The pairing that the person has invited.
    pub invitations: Arc<Invitations>,
    module: Arc<dyn Module>,
    approver: Arc<dyn Approver>,
    audit: Audit,
    screen: Screen,
    allowances: Mutex<Allowances>,
}

impl SecurityManager {
    /// Makes it of its parts.
    pub fn new(
        name: String,
        hosts: Arc<Hosts>,
        module: Arc<dyn Module>,
        approver: Arc<dyn Approver>,
        audit: Audit,
    ) -> Arc<Self> {
        let manager = Arc::new(Self {
            name,
            model: MODEL.to_owned(),
            hosts,
            invitations: Arc::default(),
            module,
            approver,
            audit,
            screen: Screen::default(),
            allowances: Mutex::default(),
        });
        tokio::spawn(tell_changes(Arc::downgrade(&manager), manager.module.changes()));
        manager
    }

    /// Returns the module.
    pub fn module(&self) -> &Arc<dyn Module> {
        &self.module
    }

    /// Returns the list of what was asked.
    pub(crate) const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Returns the way to the person.
    pub(crate) fn approver(&self) -> &Arc<dyn Approver> {
        &self.approver
    }

    /// Unlocks the module, as its own person says.
    ///
    /// # Errors
    /// [`TokenError::WrongSecret`] and those of a module that is not there or not well.
    pub async fn unlock(&self, secret: Secret) -> Result<(), TokenError> {
        self.module.unlock(secret, Spare::Last).await
    }

    /// Locks the module and takes back whatever was allowed for a while.
    pub fn lock(&self) {
        self.allowances().clear();
        self.module.lock();
    }

    /// Forgets a host: its stream ends with a good-bye. Returns it, if there was one.
    ///
    /// # Errors
    /// [`StoreError`]: then it is still known.
    pub fn forget(&self, pairing: PairingId, why: &str) -> Result<Option<Arc<Host>>, StoreError> {
        let forgotten = self.hosts.forget(pairing)?;
        self.allowances().forget_host(&pairing.to_string());
        self.hosts.end(pairing, Order::Leave(why.to_owned()));
        Ok(forgotten)
    }

    /// Waits for the turn of a question of this host; `None` where there is no screen.
    pub(crate) async fn turn(&self, pairing: &str) -> Result<Option<Turn<'_>>, TooMany> {
        if self.approver.has_screen() { self.screen.turn(pairing).await.map(Some) } else { Ok(None) }
    }

    /// Takes back whatever was allowed for a while: the person goes away from the device.
    pub(crate) fn take_back(&self) {
        self.allowances().clear();
    }

    fn allowances(&self) -> MutexGuard<'_, Allowances> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the hosts what changes in the module.
async fn tell_changes(
    manager: std::sync::Weak<SecurityManager>,
    mut changes: tokio::sync::watch::Receiver<crate::module::Stand>,
) {
    let mut before = *changes.borrow_and_update();
    while changes.changed().await.is_ok() {
        let now = *changes.borrow_and_update();
        let Some(manager) = manager.upgrade() else { return };
        if now.unlocked != before.unlocked {
            let change = if now.unlocked { Change::Unlocked } else { Change::Locked };
            manager.hosts.tell_all(&Order::Say(Notice::Changed(change)));
        }
        if now.keys != before.keys {
            manager.hosts.tell_all(&Order::Say(Notice::Changed(Change::Keys)));
        }
        before = now;
    }
}

const MODEL: &str = "claviger-phone";
