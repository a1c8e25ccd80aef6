//! The OpenPGP application (Functional Specification of the OpenPGP application on ISO Smart Card Operating Systems,
//! version 3.4.1; the numbers in parentheses are its sections).
//!
//! | file | noun |
//! | --- | --- |
//! | `channel` | the selected application: commands and whole answers, GET DATA, PUT DATA |
//! | `slot` | the three places for keys, and the numbers that each has |
//! | `application` | what the application says of itself: identity, capabilities, passwords, places |
//! | `attributes` | which algorithm a place has, and which it may be given |
//! | `public_key` | READ PUBLIC KEY and GENERATE, and the key as DER |
//! | `certificate` | the certificates beside the keys |
//! | `reading` | all that together: [`Contents`] |
//! | `kdf` | PINs that go to the card as hashes |
//! | `session` | one operation: verify, and log out whatever was verified |
//! | `operate` | sign, authenticate, decipher |
//! | `making` | generate and import |
//! | `fingerprint` | what GnuPG knows a key by |
//! | `attestation` | Yubico's attestation |
//!
//! The crate `openpgp-card` has the data objects as real cards write them (identifier, capabilities, PW status bytes,
//! algorithm attributes and information); they are parsed by it. Its commands are not used: they want a `'static`
//! back end that may move between threads, where [`Exchange`] is borrowed for one transaction; they log what they send
//! and get, keys that are imported and plaintexts included, and leave both in memory; they follow nested data
//! objects without a limit, and a card that answers 61xx or 6Cxx to an extended command makes them panic.
//!
//! A key that decrypts takes its own padding off (PKCS#1, version 1.5) and says when it was wrong. That is the
//! oracle of Bleichenbacher's attack, it is in the card, and nobody outside can close it.

mod application;
mod attestation;
mod attributes;
mod certificate;
mod channel;
mod fingerprint;
mod kdf;
mod making;
mod operate;
mod public_key;
mod reading;
mod session;
mod slot;
#[cfg(test)]
mod tests;

use application::Application;
use channel::Channel;
use claviger_token::Secret;
use operate::Use;
use session::{OTHER, Session};
use slot::Slot;

use crate::{CardError, CardKey, CardOp, CardOutput, Contents, Exchange, Pin};

/// Reads what stands in the OpenPGP application; `None` where the card has none.
///
/// # Errors
/// [`CardError::Malformed`] where an answer is not what the standard says, and what [`Exchange::transmit`] reports.
pub(crate) fn read(card: &mut dyn Exchange) -> Result<Option<Contents>, CardError> {
    match Channel::select(card)? {
        Some(mut channel) => reading::contents(&mut channel).map(Some),
        None => Ok(None),
    }
}

/// Selects the application and holds that it is the one of that serial.
///
/// # Errors
/// [`CardError::Wrong`] for another card.
pub(crate) fn recognize(card: &mut dyn Exchange, serial: &str) -> Result<(), CardError> {
    let other = || CardError::Wrong("another card is in the reader".into());
    let mut channel = Channel::select(card)?.ok_or_else(other)?;
    let found = application::read_serial(&mut channel)?;
    if found == serial { Ok(()) } else { Err(other()) }
}

/// Carries an operation out: SELECT, the passwords that it needs, the operation, and the logout.
///
/// # Errors
/// As [`CardError`] says. A PIN that cannot be right, and an operation without its PIN, are refused before the card
/// hears of it.
pub(crate) fn perform(
    card: &mut dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    op: CardOp,
) -> Result<CardOutput, CardError> {
    refuse_at_once(card, contents, pin, &op)?;
    let mut session = Session::begin(card)?;
    let outcome = run(&mut session, contents, pin, op);
    session.end(outcome)
}

/// Refuses what can be refused without the card.
fn refuse_at_once(
    card: &dyn Exchange,
    contents: &Contents,
    pin: Pin<'_>,
    op: &CardOp,
) -> Result<(), CardError> {
    let misfit = |secret: &Secret| match contents.pin.misfit(secret.expose()) {
        Some(why) => Err(CardError::SecretUnfit(why.into())),
        None => Ok(()),
    };
    match op {
        CardOp::ChangePin { old, new, .. } => misfit(old).and_then(|()| misfit(new)),
        CardOp::UnblockPin { new, .. } => misfit(new),
        CardOp::Generate { site, .. } | CardOp::Import { site, .. } if site.authority.is_none() => {
            Err(CardError::AuthorityNeeded("Admin PIN"))
        }
        CardOp::WriteCertificate { authority: None, .. } => Err(CardError::AuthorityNeeded("Admin PIN")),
        CardOp::Generate { .. } | CardOp::Import { .. } | CardOp::WriteCertificate { .. } => Ok(()),
        CardOp::Initialize { .. } => Err(OWN_IDENTITY),
        CardOp::Verify { .. }
        | CardOp::Sign { .. }
        | CardOp::Authenticate { .. }
        | CardOp::Decrypt { .. }
        | CardOp::Derive { .. }
        | CardOp::Attest { .. } => match pin {
            Pin::None => Err(CardError::PinNeeded),
            Pin::Given(pin) => misfit(pin),
            Pin::Pad if card.has_pin_pad() => Ok(()),
            Pin::Pad => Err(CardError::PinNeeded),
        },
    }
}

fn run(
    session: &mut Session<'_>,
    contents: &Contents,
    pin: Pin<'_>,
    op: CardOp,
) -> Result<CardOutput, CardError> {
    let using = |reference: &str| -> Result<Use<'_>, CardError> {
        let (key, slot) = find(contents, reference)?;
        Ok(Use { contents, key, slot, pin })
    };
    match op {
        CardOp::Verify { spare } => {
            session.check_tries(spare)?;
            session.verify_user(contents, OTHER, pin)?;
            Ok(CardOutput::Done)
        }
        CardOp::Sign { reference, mechanism, data, .. } => {
            using(&reference)?.sign(session, mechanism, &data).map(CardOutput::Signature)
        }
        CardOp::Authenticate { reference, mechanism, data, spare, .. } => {
            let key = using(&reference)?;
            session.check_tries(spare)?;
            key.sign(session, mechanism, &data).map(CardOutput::Signature)
        }
        CardOp::Decrypt { reference, mechanism, ciphertext, .. } => {
            using(&reference)?.decrypt(session, mechanism, &ciphertext).map(CardOutput::Plaintext)
        }
        CardOp::Derive { reference, peer, .. } => {
            using(&reference)?.derive(session, &peer).map(CardOutput::SharedSecret)
        }
        CardOp::Generate { algorithm, site } => {
            making::generate(session, algorithm, &site).map(CardOutput::Generated)
        }
        CardOp::Import { private_key, site } => {
            making::import(session, &private_key, &site).map(CardOutput::Generated)
        }
        CardOp::WriteCertificate { reference, certificate, authority } => {
            let slot = Slot::from_name(&reference).ok_or(CardError::NoSuchKey)?;
            let application = Application::read(&mut session.channel)?;
            if certificate.len() > usize::from(application.capabilities.max_len_cardholder_cert()) {
                return Err(CardError::DataInvalid("the certificate is longer than the card takes".into()));
            }
            session.verify_admin(&application, authority.as_ref())?;
            certificate::write(&mut session.channel, slot, &certificate)?;
            Ok(CardOutput::Done)
        }
        CardOp::ChangePin { old, new, spare } => {
            session.check_tries(spare)?;
            session.change_pin(contents, &old, &new)?;
            Ok(CardOutput::Done)
        }
        CardOp::UnblockPin { puk, new } => {
            session.unblock_pin(contents, &puk, &new)?;
            Ok(CardOutput::Done)
        }
        CardOp::Initialize { .. } => Err(OWN_IDENTITY),
        CardOp::Attest { reference } => {
            let (_, slot) = find(contents, &reference)?;
            attestation::attest(session, contents, slot, pin).map(CardOutput::Attestation)
        }
    }
}

/// Returns the key at that place, and the place.
fn find<'a>(contents: &'a Contents, reference: &str) -> Result<(&'a CardKey, Slot), CardError> {
    contents.key(reference).zip(Slot::from_name(reference)).ok_or(CardError::NoSuchKey)
}

const OWN_IDENTITY: CardError =
    CardError::NotSupported("be given another identity: it has its own from its maker");
