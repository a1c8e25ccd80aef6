//! The application as SELECT finds it, and who made it (SP 800-73-4 part 2, 3.1.1).

use claviger_token::Algorithm;
use zeroize::Zeroizing;

use super::number;
use crate::apdu::Command;
use crate::status::Status;
use crate::{CardError, Exchange, tlv};

/// What the card tells of its PIV application.
pub(crate) struct Application {
    /// Its name, for people.
    pub(crate) label: Option<String>,
    /// The algorithms of keys that it says it has; empty where it says nothing of keys (since SP 800-73-4 a card need
    /// only name those of secure messaging).
    pub(crate) algorithms: Vec<Algorithm>,
}

/// Whose extensions a card has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// A YubiKey of that version, or a card that answers like one.
    Yubico([u8; 3]),
    /// Nitrokey's, which answers some of Yubico's commands, and some only in part.
    Nitrokey,
    /// Nobody's that we know.
    Other,
}

impl Application {
    /// Selects it; `None` where the card has none.
    ///
    /// # Errors
    /// [`CardError::Malformed`] for an answer that is not BER-TLV, [`CardError::Status`] for one that says neither, and what the exchange reports.
    pub(crate) fn select(card: &mut dyn Exchange) -> Result<Option<Self>, CardError> {
        let select = Command::new(0xA4, 0x04, 0x00).with(Zeroizing::new(AID.to_vec())).answered();
        let answer = select.send(card)?;
        match answer.status {
            Status::OK => {}
            word if word.is_no_application() => return Ok(None),
            word => return Err(word.fault("SELECT")),
        }
        Self::read(&answer.data).map(Some).ok_or_else(|| CardError::Malformed("of SELECT".into()))
    }

    /// Selects an application that is known to be there.
    ///
    /// # Errors
    /// [`CardError::Wrong`] where it is not.
    pub(crate) fn select_again(card: &mut dyn Exchange) -> Result<Self, CardError> {
        Self::select(card)?
            .ok_or_else(|| CardError::Wrong("there is no PIV on the card in the reader".into()))
    }

    /// Returns whose extensions there are. Asks where the label does not say it.
    ///
    /// # Errors
    /// What the exchange reports.
    pub(crate) fn maker(&self, card: &mut dyn Exchange) -> Result<Maker, CardError> {
        if self.label.as_ref().is_some_and(|label| label.starts_with("Nitrokey")) {
            return Ok(Maker::Nitrokey);
        }
        let answer = Command::new(0xFD, 0x00, 0x00).answered().send(card)?;
        match (answer.status, &answer.data[..]) {
            (Status::OK, [major, minor, patch]) => Ok(Maker::Yubico([*major, *minor, *patch])),
            (Status::OK, [_, ..]) => Err(CardError::Malformed("of GET VERSION".into())),
            _ => Ok(Maker::Other),
        }
    }

    /// Reads the application property template. Older cards answer with nothing, or with a template of their own.
    pub(crate) fn read(answer: &[u8]) -> Option<Self> {
        let mut application = Self { label: None, algorithms: Vec::new() };
        if answer.is_empty() {
            return Some(application);
        }
        let (template, []) = tlv::split(answer)? else { return None };
        if template.tag != 0x61 {
            return Some(application);
        }
        let properties = tlv::all(template.value)?;
        application.label = tlv::find(&properties, 0x50).and_then(printable);
        for list in properties.iter().filter(|element| element.tag == 0xAC) {
            let numbers = tlv::all(list.value)?;
            let numbers = numbers.iter().filter(|element| element.tag == 0x80);
            application.algorithms.extend(numbers.filter_map(|element| match element.value {
                [number] => number::algorithm(*number),
                _ => None,
            }));
        }
        Some(application)
    }
}

impl Maker {
    /// Returns the algorithms of keys that such cards have where they do not say so themselves.
    pub(crate) fn algorithms(self) -> Vec<Algorithm> {
        let standard = [Algorithm::Rsa2048, Algorithm::P256, Algorithm::P384];
        let since_5_7 = [Algorithm::Rsa3072, Algorithm::Rsa4096, Algorithm::Ed25519, Algorithm::X25519];
        match self {
            Self::Yubico(version) if version >= [5, 7, 0] => [&standard[..], &since_5_7].concat(),
            Self::Yubico(version) if version < [4, 0, 0] => standard[..2].to_vec(),
            _ => standard.to_vec(),
        }
    }

    /// Returns the number that is printed on a YubiKey.
    ///
    /// # Errors
    /// [`CardError::Malformed`] where it is none, and what the exchange reports.
    pub(crate) fn number(self, card: &mut dyn Exchange) -> Result<Option<u32>, CardError> {
        let Self::Yubico(version) = self else { return Ok(None) };
        let ins = if version < [5, 0, 0] { 0x01 } else { 0xF8 };
        let answer = Command::new(ins, 0x00, 0x00).answered().send(card)?;
        if answer.status != Status::OK {
            return Ok(None);
        }
        let number = <[u8; 4]>::try_from(&answer.data[..]);
        number
            .map(|number| Some(u32::from_be_bytes(number)))
            .map_err(|_| CardError::Malformed("of GET SERIAL".into()))
    }
}

/// A label is shown to people: one line, not too long.
fn printable(label: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(label).ok()?;
    let text: String = text.chars().filter(|character| !character.is_control()).take(40).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The application identifier up to the version (SP 800-73-4 part 1, 2.2), which cards have different ones of.
const AID: &[u8] = b"\xA0\x00\x00\x03\x08\x00\x00\x10\x00";

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::{Application, Maker};

    /// A YubiKey's answer.
    const YUBIKEY: &[u8] = b"\x61\x11\x4f\x06\x00\x00\x10\x00\x01\x00\x79\x07\x4f\x05\xa0\x00\x00\x03\x08";

    #[test]
    fn label_and_algorithms_are_read() {
        let application = Application::read(YUBIKEY).expect("it is sound");
        assert!(application.label.is_none() && application.algorithms.is_empty());
        let told =
            b"\x61\x1e\x50\x0d Nitrokey \x0bPIV\xac\x0d\x80\x01\x03\x80\x01\x11\x80\x01\x05\x06\x01\x00\x00";
        assert!(Application::read(told).is_none(), "bytes after the template");
        let told =
            b"\x61\x1d\x50\x0d Nitrokey\x0b PIV\xac\x0c\x80\x01\x03\x80\x01\x11\x80\x01\x05\x06\x01\x00";
        let application = Application::read(&told[..told.len() - 1]);
        assert!(application.is_none(), "cut off");
    }

    #[test]
    fn a_card_of_another_template_or_none_is_taken() {
        assert!(Application::read(b"").is_some());
        assert!(Application::read(b"\x6f\x02\x84\x00").is_some());
        for cut in 1..YUBIKEY.len() {
            assert!(Application::read(&YUBIKEY[..cut]).is_none(), "{cut}");
        }
    }

    #[test]
    fn what_a_card_does_not_say_follows_from_its_version() {
        assert!(Maker::Yubico([5, 7, 1]).algorithms().contains(&Algorithm::Ed25519));
        assert!(!Maker::Yubico([5, 4, 3]).algorithms().contains(&Algorithm::Rsa4096));
        assert!(!Maker::Yubico([1, 0, 4]).algorithms().contains(&Algorithm::P384));
        assert!(Maker::Other.algorithms().contains(&Algorithm::P384));
    }
}
