use clap::{Args, Subcommand};

/// `claviger phone`
#[derive(Debug, Subcommand)]
pub enum PhoneCommand {
    /// List your phones, and how they can be reached.
    List,
    /// Pair a phone: it becomes the place of keys, and asks you on its own screen before it uses one. Print the URI that the phone scans, and
    /// the new token's id.
    Pair(Pair),
    /// Take in keys that came to stand on a phone since it was paired. Print the ids of all its keys.
    Enrol(EnrolPhone),
    /// Take a phone out of your account. Keys that stand nowhere else go with it; on the phone they stay.
    Unpair {
        /// The phone, as `claviger phone list` shows it.
        phone: String,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
    /// Have a phone ask you to unlock it for this computer.
    Unlock(OnePhone),
    /// Log this computer out of a phone: its keys cannot be used from here until it is unlocked again.
    Lock(OnePhone),
}

/// `claviger phone pair`
#[derive(Debug, Args)]
pub struct Pair {
    /// The way to the phone: bluetooth:AA:BB:CC:DD:EE:FF, socket, to which the phone connects (adb reverse), or serial: and a terminal:
    /// /dev/ttyACM0, ttyUSB0, ttyS0, ttyGS0, ttyAMA0, rfcomm0, pts/0, or one in /dev/serial/by-id or by-path. Unless told, the socket and
    /// every Bluetooth device that is bonded with this computer and offers the service.
    #[arg(long)]
    pub link: Option<String>,
    /// Compare numbers on both sides, where the phone can scan nothing and be given no text.
    #[arg(long)]
    pub numbers: bool,
    /// What the phone is called here; what it calls itself unless told.
    #[arg(long)]
    pub name: Option<String>,
    /// Make its keys your default keys.
    #[arg(long)]
    pub default: bool,
}

/// `claviger phone enrol`
#[derive(Debug, Args)]
pub struct EnrolPhone {
    /// Which phone.
    #[command(flatten)]
    pub phone: OnePhone,
    /// Make its keys your default keys.
    #[arg(long)]
    pub default: bool,
    /// Name its key; where there are several, each gets its place on the phone behind that.
    #[arg(long)]
    pub label: Option<String>,
}

/// Which phone.
#[derive(Debug, Args)]
pub struct OnePhone {
    /// The phone, as `claviger phone list` shows it; unless told, your only one, or the only one that is there.
    pub phone: Option<String>,
}
