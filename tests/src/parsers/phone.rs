use claviger_phone_protocol::parsers;

/// Lines of either end.
pub(super) fn lines(bytes: &[u8]) -> bool {
    parsers::at_lines(bytes)
}

/// What is said inside a channel.
pub(super) fn messages(bytes: &[u8]) -> bool {
    parsers::message(bytes)
}

/// A stranger at the host's end: what is no phone's is believed by none.
pub(super) fn at_host(bytes: &[u8]) -> bool {
    parsers::host_stream(bytes)
}

/// A stranger at the phone's end: nothing is done for one.
pub(super) fn at_phone(bytes: &[u8]) -> bool {
    parsers::phone_stream(bytes)
}

/// What a phone scans.
pub(super) fn pairing_uri(bytes: &[u8]) -> bool {
    parsers::pairing_uri(bytes)
}
