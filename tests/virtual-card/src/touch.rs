//! The button on the card.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// A button that is held down, or that waits to be pressed.
#[derive(Default)]
pub struct Touch(AtomicU8);

impl Touch {
    /// From now on nobody presses the button unasked.
    pub fn wait(&self) {
        self.0.store(WAITS, Ordering::Release);
    }

    /// From now on the button is held down.
    pub fn hold(&self) {
        self.0.store(HELD, Ordering::Release);
    }

    /// Presses the button once, for whoever waits for it now or next.
    pub fn press(&self) {
        // A button that is held down stays so.
        _ = self.0.compare_exchange(WAITS, PRESSED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Returns true if the button is pressed, which uses the press up.
    pub fn is_given(&self) -> bool {
        let given = self.0.load(Ordering::Acquire) == HELD
            || self.0.compare_exchange(PRESSED, WAITS, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !given {
            // The chip asks again at once, in a loop of its own.
            std::thread::sleep(Duration::from_millis(1));
        }
        given
    }
}

const HELD: u8 = 0;
const WAITS: u8 = 1;
const PRESSED: u8 = 2;
