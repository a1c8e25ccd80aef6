use crate::tlv::{self, Element};

/// A certificate, taken apart as far as PKCS#11 asks. All parts but the dates are DER as they stand there.
pub(crate) struct Certificate {
    /// The whole.
    pub(crate) value: Vec<u8>,
    /// Who it is for: a Name.
    pub(crate) subject: Vec<u8>,
    /// Who issued it: a Name.
    pub(crate) issuer: Vec<u8>,
    /// Its number: an INTEGER.
    pub(crate) serial: Vec<u8>,
    /// Its SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
    /// `CK_DATE` from and until when it is valid.
    pub(crate) dates: [Option<[u8; 8]>; 2],
}

impl Certificate {
    /// Reads a DER certificate; `None` where it is none.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let (certificate, []) = tlv::element(der)? else { return None };
        let (body, _) = tlv::element(certificate.content(SEQUENCE)?)?;
        let mut rest = body.content(SEQUENCE)?;
        let (first, after) = tlv::element(rest)?;
        if first.tag == VERSION {
            rest = after;
        }
        let mut next = || -> Option<Element<'_>> {
            let (element, after) = tlv::element(rest)?;
            rest = after;
            Some(element)
        };
        let (serial, _algorithm, issuer, validity) = (next()?, next()?, next()?, next()?);
        let (subject, public_key) = (next()?, next()?);
        serial.content(INTEGER)?;
        for sequence in [&issuer, &subject, &public_key] {
            sequence.content(SEQUENCE)?;
        }
        let (from, after) = tlv::element(validity.content(SEQUENCE)?)?;
        let (until, _) = tlv::element(after)?;
        Some(Self {
            value: der.to_vec(),
            subject: subject.whole.to_vec(),
            issuer: issuer.whole.to_vec(),
            serial: serial.whole.to_vec(),
            public_key: public_key.whole.to_vec(),
            dates: [date(&from), date(&until)],
        })
    }

    /// Returns the common name of its subject, or an empty text.
    pub(crate) fn common_name(&self) -> String {
        let place = self.subject.windows(COMMON_NAME.len()).rposition(|piece| piece == COMMON_NAME);
        let text = place.and_then(|place| tlv::element(&self.subject[place + COMMON_NAME.len()..]));
        text.map(|(text, _)| String::from_utf8_lossy(text.content).into_owned()).unwrap_or_default()
    }
}

/// Reads the day of a UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5).
fn date(time: &Element<'_>) -> Option<[u8; 8]> {
    let text = match time.tag {
        // "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY".
        UTC_TIME if time.content.first()? >= &b'5' => [b"19", time.content].concat(),
        UTC_TIME => [b"20", time.content].concat(),
        GENERALIZED_TIME => time.content.to_vec(),
        _ => return None,
    };
    text.first_chunk().copied().filter(|day: &[u8; 8]| day.iter().all(u8::is_ascii_digit))
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// id-at-commonName, 2.5.4.3.
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
