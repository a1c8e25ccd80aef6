use std::io::IsTerminal;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Says on the terminal what is being waited for, if it takes longer than one likes; takes it back afterwards.
pub(super) struct Patience {
    done: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Patience {
    /// Begins to wait: `what` is for example "making the key".
    pub(super) fn with(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { done: None, teller: None };
        }
        let (done, wait) = channel::<()>();
        let teller = std::thread::spawn(move || {
            let mut shown = false;
            // An error other than a time-out means that the wait is over.
            while wait.recv_timeout(STEP) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprint!("{}", if shown { ".".to_owned() } else { format!("{what} ") });
                shown = true;
            }
            if shown {
                eprint!("\r\x1b[K");
            }
        });
        Self { done: Some(done), teller: Some(teller) }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(teller) = self.teller.take() {
            // It only prints: there is nothing to do about its failure.
            drop(teller.join());
        }
    }
}

const STEP: Duration = Duration::from_millis(500);
