//! What the application says of itself: application related data (4.4.3.1), without a PIN.

use claviger_token::TouchPolicy;
use openpgp_card::ocard::algorithm::{AlgorithmAttributes, AlgorithmInformation};
use openpgp_card::ocard::data::{ApplicationIdentifier, ExtendedCapabilities, PWStatusBytes};

use super::channel::{Channel, Expect};
use super::slot::Slot;
use crate::tlv::{self, Element};
use crate::{CardError, PinRules};

/// The application related data, as far as they matter here.
pub(super) struct Application {
    aid: ApplicationIdentifier,
    pub(super) capabilities: ExtendedCapabilities,
    pub(super) passwords: PWStatusBytes,
    /// Of each slot, in the order of [`Slot::ALL`].
    slots: [SlotState; 3],
    /// The most that one command may have, in bytes; where the card tells.
    pub(super) longest_command: Option<usize>,
}

/// What stands about one slot.
struct SlotState {
    attributes: AlgorithmAttributes,
    occupied: Option<bool>,
    touch: Option<[u8; 2]>,
}

impl Application {
    /// Reads it, and tells the channel what the card can.
    pub(super) fn read(channel: &mut Channel<'_>) -> Result<Self, CardError> {
        let what = "reading what the card says of itself";
        let data = channel.get(what, 0x6e, Expect::Short)?.ok_or_else(|| malformed("it is not there"))?;
        let objects = Objects::parse(&data)?;
        channel.set_history(objects.get(0x5f52));
        Self::parse(&objects)
    }

    fn parse(objects: &Objects<'_>) -> Result<Self, CardError> {
        let aid = identifier(objects.required(0x4f)?)?;
        let capabilities = ExtendedCapabilities::try_from((objects.required(0xc0)?, aid.version()))
            .map_err(|error| malformed(&error.to_string()))?;
        let passwords = passwords(objects.required(0xc4)?)?;
        let mut slots = Vec::with_capacity(Slot::ALL.len());
        for slot in Slot::ALL {
            slots.push(SlotState::parse(objects, slot)?);
        }
        let slots = slots.try_into().map_err(|_| malformed("it has not three places"))?;
        Ok(Self { aid, capabilities, passwords, slots, longest_command: longest_command(objects) })
    }

    /// Returns what tells this card from all others: manufacturer and serial number, as in the AID (4.2.1).
    pub(super) fn serial(&self) -> String {
        serial(&self.aid)
    }

    /// Returns what people call it.
    pub(super) fn name(&self) -> String {
        let maker = match self.aid.manufacturer() {
            // Whoever makes a card for himself draws a number.
            0xff00..=0xffff | 0x0000 => "OpenPGP card",
            _ => match self.aid.manufacturer_name() {
                "Unknown" => "OpenPGP card",
                name => name,
            },
        };
        format!("{maker} {:08X}", self.aid.serial())
    }

    /// Returns the algorithm attributes in force at a place.
    pub(super) fn attributes(&self, slot: Slot) -> &AlgorithmAttributes {
        &self.slots[slot.index()].attributes
    }

    /// Returns whether a place holds a key, where the card tells.
    pub(super) fn occupied(&self, slot: Slot) -> Option<bool> {
        self.slots[slot.index()].occupied
    }

    /// Returns the user interaction flag of a place (4.4.3.6), where the card has one.
    pub(super) fn touch(&self, slot: Slot) -> Option<[u8; 2]> {
        self.slots[slot.index()].touch
    }

    /// Returns when a key at that place wants a touch. A value that is not known is taken for the strictest.
    pub(super) fn touch_policy(&self, slot: Slot) -> TouchPolicy {
        match self.touch(slot) {
            None | Some([0, _]) => TouchPolicy::Never,
            // 3 and 4 are Yubico's: cached, and cached for good.
            Some([3 | 4, _]) => TouchPolicy::Cached,
            Some(_) => TouchPolicy::Always,
        }
    }

    /// Returns what the PIN looks like: at least six characters (4.3.1). A hashed one may have any length.
    pub(super) fn pin_rules(&self, hashed: bool) -> PinRules {
        let longest = if hashed { HASHED_LONGEST } else { usize::from(self.passwords.pw1_max_len()) };
        PinRules { shortest: 6, longest, digits_only: false }
    }

    /// Returns what the Admin PIN looks like: at least eight characters.
    pub(super) fn admin_pin_rules(&self, hashed: bool) -> PinRules {
        let longest = if hashed { HASHED_LONGEST } else { usize::from(self.passwords.pw3_max_len()) };
        PinRules { shortest: 8, longest, digits_only: false }
    }
}

impl SlotState {
    fn parse(objects: &Objects<'_>, slot: Slot) -> Result<Self, CardError> {
        let attributes = objects.required(slot.attributes_tag())?;
        let attributes = AlgorithmAttributes::try_from(attributes)
            .unwrap_or_else(|_| AlgorithmAttributes::Unknown(attributes.to_vec()));
        let touch = objects.get(slot.touch_tag()).and_then(|flag| flag.try_into().ok());
        Ok(Self { attributes, occupied: occupied(objects, slot), touch })
    }
}

/// Key information (4.4.3.8) since 3.0; before that a key that there is has a fingerprint, but it can be there
/// without one.
fn occupied(objects: &Objects<'_>, slot: Slot) -> Option<bool> {
    let place = slot.index();
    if let Some(information) = objects.get(0xde) {
        return information.get(2 * place + 1).map(|status| *status != 0);
    }
    let fingerprint = objects.get(0xc5)?.get(20 * place..20 * (place + 1))?;
    fingerprint.iter().any(|byte| *byte != 0).then_some(true)
}

/// Extended length information (4.1.3.1): `02 02 xxxx 02 02 xxxx`, the first for commands.
fn longest_command(objects: &Objects<'_>) -> Option<usize> {
    match objects.get(0x7f66)? {
        [0x02, 0x02, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Reads the algorithms that the card offers (4.4.3.11); `None` where it tells none (before 3.4).
pub(super) fn algorithm_information(
    channel: &mut Channel<'_>,
) -> Result<Option<AlgorithmInformation>, CardError> {
    match channel.get("reading which algorithms it has", 0xfa, Expect::Long)? {
        Some(data) if !data.is_empty() => AlgorithmInformation::try_from(data.as_slice())
            .map(Some)
            .map_err(|error| malformed(&error.to_string())),
        _ => Ok(None),
    }
}

/// Reads the identity alone: what tells this card from all others.
pub(super) fn read_serial(channel: &mut Channel<'_>) -> Result<String, CardError> {
    let what = "reading its identity";
    let aid = channel.get(what, 0x4f, Expect::Short)?.ok_or_else(|| malformed("it has no identity"))?;
    Ok(serial(&identifier(&aid)?))
}

/// Reads how many tries are left, and the like (4.4.3.2).
pub(super) fn read_passwords(channel: &mut Channel<'_>) -> Result<PWStatusBytes, CardError> {
    match channel.get("reading how many tries are left", 0xc4, Expect::Short)? {
        Some(data) => passwords(&data),
        // The object alone can be read since 2.0; whoever does not give it has it among the others.
        None => Ok(Application::read(channel)?.passwords),
    }
}

fn passwords(data: &[u8]) -> Result<PWStatusBytes, CardError> {
    PWStatusBytes::try_from(data).map_err(|error| malformed(&error.to_string()))
}

fn identifier(aid: &[u8]) -> Result<ApplicationIdentifier, CardError> {
    ApplicationIdentifier::try_from(aid).map_err(|error| malformed(&error.to_string()))
}

fn serial(aid: &ApplicationIdentifier) -> String {
    format!("{:04x}{:08x}", aid.manufacturer(), aid.serial())
}

fn malformed(why: &str) -> CardError {
    CardError::Malformed(format!("application related data: {why}").into())
}

/// The objects of 6E and of the 73 in it; cards differ in what they put where.
struct Objects<'a>(Vec<Element<'a>>);

impl<'a> Objects<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, CardError> {
        let all = |data| tlv::all(data).ok_or_else(|| malformed("an object is longer than what holds it"));
        // Some cards answer with the object, others with what is in it.
        let mut objects = all(tlv::only(data, 0x6e).unwrap_or(data))?;
        if let Some(inner) = tlv::find(&objects, 0x73) {
            objects.extend(all(inner)?);
        }
        Ok(Self(objects))
    }

    fn get(&self, tag: u16) -> Option<&'a [u8]> {
        tlv::find(&self.0, u32::from(tag))
    }

    fn required(&self, tag: u16) -> Result<&'a [u8], CardError> {
        self.get(tag).ok_or_else(|| malformed(&format!("{tag:02X} is missing")))
    }
}

/// The longest PIN where the card gets its hash.
const HASHED_LONGEST: usize = 127;
