//! Ways by which hosts come to this device.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Link`]: each way, kept up for ever |
//! | `socket` | unix sockets, listened at or dialled, and a TCP port of this device |
//! | `rfcomm` | Bluetooth, through BlueZ |
//!
//! Serial lines are few lines of their own: see [`crate::descriptor`].

mod rfcomm;
mod socket;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::descriptor::Descriptor;
use crate::manager::SecurityManager;
use crate::stream::{Idle, serve};

pub(crate) use socket::bind;
pub use socket::{InvalidTarget, Target};

/// One way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Bluetooth: the service is registered with BlueZ.
    Rfcomm,
    /// A serial line: a USB gadget's, or any other tty.
    Serial(PathBuf),
    /// A unix socket that hosts connect to.
    Listen(PathBuf),
    /// A socket that this device connects to, again and again.
    Connect(Target),
}

impl Link {
    /// Keeps it up; ends only where it never will come up.
    ///
    /// # Errors
    /// Those that waiting does not mend.
    pub async fn run(self, manager: Arc<SecurityManager>) -> io::Result<()> {
        match self {
            Self::Rfcomm => rfcomm::run(manager).await,
            Self::Serial(path) => serial(path, manager).await,
            Self::Listen(path) => socket::listen(&path, manager).await,
            Self::Connect(target) => socket::connect(target, manager).await,
        }
    }
}

async fn serial(path: PathBuf, manager: Arc<SecurityManager>) -> io::Result<()> {
    let mut trouble = Trouble::default();
    loop {
        match Descriptor::open_serial(&path) {
            Ok(line) => {
                trouble.over(&path.display());
                drop(serve(line, &manager, Idle::Long).await);
            }
            Err(error) => trouble.tell(&format_args!("open {}", path.display()), &error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells of what does not work once, and once when it works again.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn tell(&mut self, what: &dyn fmt::Display, error: &dyn fmt::Display) {
        let text = error.to_string();
        if self.0.as_ref() != Some(&text) {
            eprintln!("claviger-phone: cannot {what}: {text}; trying on");
            self.0 = Some(text);
        }
    }

    fn over(&mut self, what: &dyn fmt::Display) {
        if self.0.take().is_some() {
            eprintln!("claviger-phone: {what} works again");
        }
    }
}

/// How long a link that went down is left alone.
const PAUSE: Duration = Duration::from_secs(1);
