use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::hosts::Host;

/// One channel of one host.
pub struct Session {
    /// The host.
    pub host: Arc<Host>,
    /// Its pairing, as text.
    pub pairing: String,
    /// How often it logged out.
    logouts: AtomicU32,
    /// Set between `CKLOGOUT` and `CKLOGIN`.
    logged_out: AtomicBool,
    /// How many wrong secrets came through it.
    wrong_secrets: AtomicU32,
}

impl Session {
    /// Begins one: it may use the module as soon as that is unlocked.
    pub fn new(host: Arc<Host>) -> Arc<Self> {
        let pairing = host.known.pairing.to_string();
        Arc::new(Self {
            host,
            pairing,
            logouts: AtomicU32::new(0),
            logged_out: AtomicBool::new(false),
            wrong_secrets: AtomicU32::new(0),
        })
    }

    /// Returns true after `CKLOGOUT`, until `CKLOGIN`.
    pub fn is_logged_out(&self) -> bool {
        self.logged_out.load(Ordering::Relaxed)
    }

    pub(super) fn log_in(&self) {
        self.wrong_secrets.store(0, Ordering::Relaxed);
        self.logged_out.store(false, Ordering::Relaxed);
    }

    pub(super) fn log_out(&self) {
        self.logouts.fetch_add(1, Ordering::Relaxed);
        self.logged_out.store(true, Ordering::Relaxed);
    }

    /// Returns how often it logged out: what was asked before the last time is not done.
    pub(super) fn logouts(&self) -> u32 {
        self.logouts.load(Ordering::Relaxed)
    }

    /// Returns true where one more secret may be tried.
    pub(super) fn may_guess(&self) -> bool {
        self.wrong_secrets.load(Ordering::Relaxed) < MOST_GUESSES
    }

    pub(super) fn guessed_wrong(&self) {
        self.wrong_secrets.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many wrong secrets one channel may bring. Each needed the person's leave.
const MOST_GUESSES: u32 = 3;
