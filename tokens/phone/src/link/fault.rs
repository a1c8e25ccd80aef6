use std::fmt;
use std::io;

use claviger_phone_protocol::{Closed, Refusal};

use crate::Address;

/// Why a link did not bring a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFault {
    // This computer's own side: silence proves nothing while one of these stands.
    /// Bluetooth was switched off for this service.
    BluetoothNotWanted,
    /// Nobody answers as `org.bluez`, or it refuses: what it says.
    NoBluetooth(String),
    /// There is no adapter, or every one is switched off.
    AdapterOff,
    /// BlueZ is busy with that phone otherwise, and did not dial it: what it says.
    RadioBusy(String),
    /// Serial links were switched off for this service.
    SerialNotWanted,
    /// The terminal may not be opened by this service.
    TtyDenied,
    /// Another program holds the terminal, for example ModemManager.
    TtyBusy,
    /// The socket cannot be listened on.
    NoSocket(io::ErrorKind),
    /// There is no bond with a device of that address: this computer may not dial it.
    NotBonded(Address),

    // The phone's side.
    /// The phone does not answer the radio, or does not offer the service: what BlueZ says.
    NotAnswering(String),
    /// There is no such terminal: nothing is plugged in.
    TtyAbsent,
    /// It is no terminal, or it does not work.
    Tty(io::ErrorKind),
    /// Nobody has connected to the socket.
    NobodyConnected,
    /// The stream ended before there was a channel.
    Ended,
    /// Whoever answers did not open a channel in time.
    Silent,
    /// Whoever answers does not know the pairing, or is another phone.
    Refused(Refusal),
    /// Whoever answers does not speak the protocol, or is another phone.
    Wrong(Closed),
}

impl LinkFault {
    /// Returns true where this computer's own side is what does not work.
    pub const fn is_ours(&self) -> bool {
        match self {
            Self::BluetoothNotWanted
            | Self::NoBluetooth(_)
            | Self::AdapterOff
            | Self::RadioBusy(_)
            | Self::SerialNotWanted
            | Self::TtyDenied
            | Self::TtyBusy
            | Self::NoSocket(_)
            | Self::NotBonded(_) => true,
            Self::NotAnswering(_)
            | Self::TtyAbsent
            | Self::Tty(_)
            | Self::NobodyConnected
            | Self::Ended
            | Self::Silent
            | Self::Refused(_)
            | Self::Wrong(_) => false,
        }
    }
}

impl From<Closed> for LinkFault {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Refused(refusal) => Self::Refused(refusal),
            other => Self::Wrong(other),
        }
    }
}

impl fmt::Display for LinkFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BluetoothNotWanted => {
                formatter.write_str("cannot use Bluetooth: it is switched off in the configuration")
            }
            Self::NoBluetooth(why) => write!(formatter, "cannot reach bluetoothd: {why}"),
            Self::AdapterOff => formatter.write_str("cannot use Bluetooth: no adapter is switched on"),
            Self::RadioBusy(why) => write!(formatter, "cannot dial the phone just now: {why}"),
            Self::SerialNotWanted => formatter
                .write_str("cannot open the terminal: serial links are switched off in the configuration"),
            Self::TtyDenied => formatter.write_str("cannot open the terminal: the service may not"),
            Self::TtyBusy => formatter.write_str("cannot open the terminal: another program holds it"),
            Self::NoSocket(kind) => write!(formatter, "cannot listen on the socket: {kind}"),
            Self::NotBonded(address) => write!(
                formatter,
                "cannot dial {address}: it is not bonded with this computer (bluetoothctl, or the desktop's settings, do that)"
            ),
            Self::NotAnswering(why) => write!(formatter, "cannot dial the phone: {why}"),
            Self::TtyAbsent => formatter.write_str("cannot open the terminal: it is not there"),
            Self::Tty(kind) => write!(formatter, "cannot open the terminal: {kind}"),
            Self::NobodyConnected => formatter.write_str("nobody has connected to the socket"),
            Self::Ended => formatter.write_str("cannot open a channel: the stream ended"),
            Self::Silent => formatter.write_str("cannot open a channel: no answer in time"),
            Self::Refused(refusal) => write!(formatter, "cannot open a channel: {refusal}"),
            Self::Wrong(closed) => write!(formatter, "cannot open a channel: {closed}"),
        }
    }
}

impl std::error::Error for LinkFault {}
