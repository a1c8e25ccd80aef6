//! The PIN: shown, counted, changed, unblocked, and taken back (SP 800-73-4 part 2, 3.2.1 to 3.2.3).
//!
//! This is the PIV application's own PIN, reference 80. Where a card also has a global one, PIV's is good for everything
//! that PIV does (SP 800-73-4 part 1, 3.3.2).

use claviger_token::{Secret, Spare};
use zeroize::Zeroizing;

use crate::apdu::{Answer, Command};
use crate::status::Status;
use crate::{CardError, Exchange, PadEntry, Pin, PinRules, may_try};

/// Returns why a PIN cannot be right; such a PIN never goes to the card.
///
/// # Errors
/// [`CardError::SecretUnfit`].
pub(crate) fn check(rules: PinRules, pin: &Secret) -> Result<(), CardError> {
    match rules.misfit(pin.expose()) {
        Some(why) => Err(CardError::SecretUnfit(why.into())),
        None => Ok(()),
    }
}

/// As [`check`], of a PUK: cards take six to eight characters, of any kind.
///
/// # Errors
/// [`CardError::SecretUnfit`].
pub(crate) fn check_puk(puk: &Secret) -> Result<(), CardError> {
    if (6..=LENGTH).contains(&puk.expose().len()) {
        return Ok(());
    }
    Err(CardError::SecretUnfit("a PUK of this card has 6 to 8 characters; it was not tried".into()))
}

/// Shows the PIN, runs something, and takes the PIN back, whatever came of it. Without a PIN, just runs it.
///
/// # Errors
/// Why the PIN was refused, or what `run` reports.
pub(crate) fn during<T>(
    card: &mut dyn Exchange,
    rules: PinRules,
    pin: Pin<'_>,
    run: impl FnOnce(&mut dyn Exchange) -> Result<T, CardError>,
) -> Result<T, CardError> {
    match pin {
        Pin::None => return run(card),
        Pin::Given(pin) => show(card, rules, pin)?,
        Pin::Pad => show_on_pad(card, rules)?,
    }
    let outcome = run(card);
    if !matches!(outcome, Err(CardError::Gone)) {
        take_back(card);
    }
    outcome
}

/// Refuses to go on where the PIN is blocked, or where the tries that are left are kept.
///
/// # Errors
/// As [`may_try`].
pub(crate) fn check_tries(card: &mut dyn Exchange, spare: Spare) -> Result<(), CardError> {
    may_try(count(card)?, spare)
}

/// Returns how many tries are left, where the card tells; whoever left the PIN shown has it taken back.
///
/// # Errors
/// What the exchange reports.
pub(crate) fn count(card: &mut dyn Exchange) -> Result<Option<u32>, CardError> {
    let mut word = ask(card)?;
    if word == Status::OK {
        // Another program left it verified, which hides the counter. Nobody may rely on that staying so.
        take_back(card);
        word = ask(card)?;
    }
    Ok(counted(word))
}

/// Returns how many tries are left, where the card tells; nobody's PIN is taken back for it.
///
/// # Errors
/// What the exchange reports.
pub(crate) fn tries_left(card: &mut dyn Exchange) -> Result<Option<u32>, CardError> {
    ask(card).map(counted)
}

/// Replaces the PIN. The tries left must have been looked at before.
///
/// # Errors
/// As showing the PIN; [`CardError::SecretUnfit`] where the card does not like the new one.
pub(crate) fn change(card: &mut dyn Exchange, old: &Secret, new: &Secret) -> Result<(), CardError> {
    let command = Command::new(0x24, 0x00, PIN).with(padded(&[old, new]));
    let answer = send(card, &command)?;
    match answer.status {
        Status::OK => {}
        Status::WRONG_DATA | Status::WRONG_LENGTH => {
            return Err(CardError::SecretUnfit("the card does not take such a PIN".into()));
        }
        // Some cards do not say here how many tries are left, but they do when asked.
        Status::NOT_VERIFIED => return Err(CardError::WrongPin { tries_left: tries_left(card)? }),
        word => return Err(refused(word)),
    }
    // On some cards, whoever changed the PIN has shown it.
    take_back(card);
    Ok(())
}

/// Sets a new PIN by the PUK.
///
/// # Errors
/// [`CardError::WrongAuthority`] for a wrong PUK, [`CardError::PinBlocked`] for one that is blocked or was just now,
/// [`CardError::SecretUnfit`] where the card does not like the new PIN.
pub(crate) fn unblock(card: &mut dyn Exchange, puk: &Secret, new: &Secret) -> Result<(), CardError> {
    let command = Command::new(0x2C, 0x00, PIN).with(padded(&[puk, new]));
    let answer = send(card, &command)?;
    match answer.status {
        Status::OK => {}
        word if word == Status::BLOCKED || word.tries() == Some(0) => return Err(CardError::PinBlocked),
        Status::WRONG_DATA | Status::WRONG_LENGTH => {
            return Err(CardError::SecretUnfit("the card does not take such a PIN".into()));
        }
        Status::NOT_VERIFIED | Status::SECURITY => return Err(CardError::WrongAuthority("PUK")),
        word if word.tries().is_some() => return Err(CardError::WrongAuthority("PUK")),
        word => return Err(word.fault("RESET RETRY COUNTER")),
    }
    take_back(card);
    Ok(())
}

fn show(card: &mut dyn Exchange, rules: PinRules, pin: &Secret) -> Result<(), CardError> {
    check(rules, pin)?;
    let command = Command::new(0x20, 0x00, PIN).with(padded(&[pin]));
    match send(card, &command)?.status {
        Status::OK => Ok(()),
        word => {
            let refused = refused(word);
            if matches!(refused, CardError::Status(..)) {
                // No answer to a VERIFY: nobody knows whether the card took it.
                take_back(card);
            }
            Err(refused)
        }
    }
}

fn show_on_pad(card: &mut dyn Exchange, rules: PinRules) -> Result<(), CardError> {
    let entry = PadEntry {
        template: [&[0x00, 0x20, 0x00, PIN, LENGTH as u8][..], &[FILL; LENGTH]].concat(),
        shortest: rules.shortest as u8,
        longest: rules.longest as u8,
        padded: true,
    };
    let word = card.verify_on_pad(&entry);
    if let Err(error) = &word {
        forget(card, error);
    }
    match Status(word?) {
        Status::OK => Ok(()),
        Status::PAD_TIMEOUT | Status::PAD_CANCELLED => Err(CardError::Declined),
        Status::PAD_MISFIT => Err(CardError::SecretUnfit(
            rules.misfit(&[]).unwrap_or_else(|| "the card does not take such a PIN".to_owned()).into(),
        )),
        word => Err(refused(word)),
    }
}

/// Takes the PIN back, so that no other program ever finds it shown; where the card refuses that, the reset at the
/// transaction's end does it.
fn take_back(card: &mut dyn Exchange) {
    let logout = Command::new(0x20, 0xFF, PIN).send(card);
    if !matches!(logout, Ok(Answer { status: Status::OK, .. })) {
        card.reset_at_end();
    }
}

/// Sends a command with a PIN in it. Where the transport failed, nobody knows whether the card took it.
fn send(card: &mut dyn Exchange, command: &Command) -> Result<Answer, CardError> {
    let answer = command.send(card);
    if let Err(error) = &answer {
        forget(card, error);
    }
    answer
}

fn forget(card: &mut dyn Exchange, error: &CardError) {
    if *error != CardError::Gone {
        card.reset_at_end();
    }
}

/// Asks for the state of the PIN; a VERIFY without data spends no try.
fn ask(card: &mut dyn Exchange) -> Result<Status, CardError> {
    Ok(Command::new(0x20, 0x00, PIN).send(card)?.status)
}

/// How many tries are left by the state of the PIN.
fn counted(word: Status) -> Option<u32> {
    if word == Status::BLOCKED { Some(0) } else { word.tries() }
}

/// What the answer to a wrong PIN means.
fn refused(word: Status) -> CardError {
    match (word, word.tries()) {
        (Status::BLOCKED, _) => CardError::PinBlocked,
        (Status::NOT_VERIFIED, _) => CardError::WrongPin { tries_left: None },
        (_, Some(tries)) => CardError::WrongPin { tries_left: Some(tries) },
        (Status::WRONG_DATA | Status::WRONG_LENGTH, _) => {
            CardError::SecretUnfit("the card does not take such a PIN".into())
        }
        _ => word.fault("VERIFY"),
    }
}

/// Returns the secrets, each filled up to eight bytes; that they are not longer was checked.
fn padded(secrets: &[&Secret]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![FILL; LENGTH * secrets.len()]);
    for (place, secret) in bytes.chunks_exact_mut(LENGTH).zip(secrets) {
        place.iter_mut().zip(secret.expose()).for_each(|(place, byte)| *place = *byte);
    }
    bytes
}

/// The PIV application PIN.
pub(crate) const PIN: u8 = 0x80;
/// The PUK.
pub(crate) const PUK: u8 = 0x81;
/// PINs and PUKs take eight bytes, the rest filled.
pub(crate) const LENGTH: usize = 8;
const FILL: u8 = 0xFF;
