//! PINs entered at the reader: PC/SC part 10, "IFDs with secure PIN entry capabilities".

use std::time::Duration;

use crate::PadEntry;

/// How long a person has at the pin pad.
pub(crate) const TIME: Duration = Duration::from_secs(60);

/// How long the reader itself waits, in seconds: less, so that it is the reader that says so.
const READER_SECONDS: u8 = 55;

/// CM_IOCTL_GET_FEATURE_REQUEST.
pub(crate) const GET_FEATURES: u32 = 3400;

/// FEATURE_VERIFY_PIN_DIRECT.
const VERIFY_PIN_DIRECT: u8 = 0x06;

/// Returns the control code of FEATURE_VERIFY_PIN_DIRECT from the answer to [`GET_FEATURES`]: a row of tag, length
/// 4, control code in big-endian (2.2).
pub(crate) fn verify_code(features: &[u8]) -> Option<u32> {
    let (rows, rest) = features.as_chunks::<6>();
    let row = rows.iter().find(|row| row[0] == VERIFY_PIN_DIRECT && row[1] == 4)?;
    rest.is_empty().then(|| u32::from_be_bytes([row[2], row[3], row[4], row[5]]))
}

/// Returns the PIN_VERIFY structure (2.5.2), packed, numbers in the host's order.
pub(crate) fn pin_verify(entry: &PadEntry) -> Vec<u8> {
    let PadEntry { template, shortest, longest, padded } = entry;
    let mut structure = vec![
        READER_SECONDS, // bTimeOut
        READER_SECONDS, // bTimeOut2: after the first key stroke
        0x82,           // bmFormatString: ASCII, left justified, position in bytes, at the start of the data
        // bmPINBlockString: the size of the PIN's block where that is fixed, no length inserted
        if *padded { template.len().saturating_sub(5) as u8 & 0x0f } else { 0 },
        0x00, // bmPINLengthFormat: no length inserted
    ];
    // wPINMaxExtraDigit: the fewest digits in the upper byte, the most in the lower.
    structure.extend((u16::from(*shortest) << 8 | u16::from(*longest)).to_ne_bytes());
    structure.push(0x02); // bEntryValidationCondition: the validation key is pressed
    structure.push(0x01); // bNumberMessage: one
    structure.extend(0x0409_u16.to_ne_bytes()); // wLangId: English, which every reader has
    structure.push(0x00); // bMsgIndex: "enter PIN"
    structure.extend([0; 3]); // bTeoPrologue: T=1 only, made by the reader
    structure.extend((template.len() as u32).to_ne_bytes());
    structure.extend(template);
    structure
}

#[cfg(test)]
mod tests {
    use super::{pin_verify, verify_code};
    use crate::PadEntry;

    #[test]
    fn the_feature_is_found_among_others() {
        let features = [0x12, 4, 0x42, 0x33, 0, 18, 0x06, 4, 0x42, 0x33, 0, 6];
        assert_eq!(verify_code(&features), Some(0x4233_0006));
        assert_eq!(verify_code(&features[..6]), None);
        assert_eq!(verify_code(&[]), None);
        assert_eq!(verify_code(&features[..11]), None, "a row that is cut short is no row");
        assert_eq!(verify_code(&[0x06, 3, 0, 0, 0, 0]), None);
    }

    #[test]
    fn the_structure_is_that_of_part_10() {
        let mut template = vec![0x00, 0x20, 0x00, 0x80, 0x08];
        template.extend([0xff; 8]);
        let entry = PadEntry { template: template.clone(), shortest: 6, longest: 8, padded: true };
        let structure = pin_verify(&entry);
        assert_eq!(structure[..5], [55, 55, 0x82, 0x08, 0x00]);
        assert_eq!(structure[5..7], 0x0608_u16.to_ne_bytes());
        assert_eq!(structure[7..15], [0x02, 0x01, 0x09, 0x04, 0, 0, 0, 0], "on a little-endian host");
        assert_eq!(structure[15..19], 13_u32.to_ne_bytes());
        assert_eq!(structure[19..], template);
        let open = PadEntry { template: vec![0, 0x20, 0, 0x82, 0], padded: false, ..entry };
        assert_eq!(pin_verify(&open)[3], 0, "no fixed block");
    }
}
