//! Commands and answers (ISO/IEC 7816-4): short lengths only, longer data chained, longer answers fetched in pieces.
//!
//! Every card and every reader takes short APDUs with chaining; extended length needs card, reader and driver to agree.

use zeroize::Zeroizing;

use crate::status::Status;
use crate::{CardError, Exchange};

/// The most that an answer may have in all. The largest object of a PIV card has 12 KiB (SP 800-73-4, table 7).
pub(crate) const ANSWER_LIMIT: usize = 65_536;

/// One command, of whatever length. It is wiped when dropped: it may carry a PIN.
pub(crate) struct Command {
    ins: u8,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    answered: bool,
}

/// What a card said to a command. It is wiped when dropped: it may be a plaintext.
pub(crate) struct Answer {
    pub(crate) data: Zeroizing<Vec<u8>>,
    pub(crate) status: Status,
}

impl Command {
    /// Makes a command without data that wants no answer but the status word.
    pub(crate) fn new(ins: u8, p1: u8, p2: u8) -> Self {
        Self { ins, p1, p2, data: Zeroizing::default(), answered: false }
    }

    /// Adds data.
    pub(crate) fn with(self, data: Zeroizing<Vec<u8>>) -> Self {
        Self { data, ..self }
    }

    /// Wants data back.
    pub(crate) fn answered(self) -> Self {
        Self { answered: true, ..self }
    }

    /// Sends it, in as many pieces as it takes, and gathers the answer.
    ///
    /// # Errors
    /// What [`Exchange::transmit`] reports, and [`CardError::Malformed`] for an answer that is none or does not end.
    pub(crate) fn send(&self, card: &mut dyn Exchange) -> Result<Answer, CardError> {
        let mut rest = self.data.as_slice();
        while rest.len() > PIECE {
            let (piece, after) = rest.split_at(PIECE);
            let answer = transmit(card, &self.chained(piece))?;
            if answer.status != Status::OK {
                return Ok(answer);
            }
            rest = after;
        }
        let answer = transmit(card, &self.last(rest, 0))?;
        let answer = match answer.status.right_length() {
            // The card did nothing yet but tell the length; asked again, it cannot say so again.
            Some(length) if self.answered => transmit(card, &self.last(rest, length))?,
            _ => answer,
        };
        gather(card, answer)
    }

    fn chained(&self, piece: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut apdu = Zeroizing::new(Vec::with_capacity(5 + piece.len()));
        apdu.extend_from_slice(&[0x10, self.ins, self.p1, self.p2, piece.len() as u8]);
        apdu.extend_from_slice(piece);
        apdu
    }

    fn last(&self, piece: &[u8], expected: u8) -> Zeroizing<Vec<u8>> {
        let mut apdu = Zeroizing::new(Vec::with_capacity(6 + piece.len()));
        apdu.extend_from_slice(&[0x00, self.ins, self.p1, self.p2]);
        if !piece.is_empty() {
            apdu.push(piece.len() as u8);
            apdu.extend_from_slice(piece);
        }
        if self.answered {
            apdu.push(expected);
        }
        apdu
    }
}

impl Answer {
    /// Returns the data of a command that was carried out.
    ///
    /// # Errors
    /// The status word as the fault that it is.
    pub(crate) fn success(self, asked: &'static str) -> Result<Zeroizing<Vec<u8>>, CardError> {
        if self.status == Status::OK { Ok(self.data) } else { Err(self.status.fault(asked)) }
    }
}

/// Fetches what is left of an answer.
fn gather(card: &mut dyn Exchange, mut answer: Answer) -> Result<Answer, CardError> {
    while let Some(waiting) = answer.status.waiting() {
        let mut next = transmit(card, &[0x00, GET_RESPONSE, 0x00, 0x00, waiting])?;
        if let Some(length) = next.status.right_length() {
            next = transmit(card, &[0x00, GET_RESPONSE, 0x00, 0x00, length])?;
        }
        if next.data.is_empty() && next.status.waiting().is_some() {
            return Err(CardError::Malformed("the answer does not end".into()));
        }
        let length = answer.data.len() + next.data.len();
        if length > ANSWER_LIMIT {
            return Err(CardError::Malformed("the answer is too long".into()));
        }
        // A vector that grows leaves a copy behind.
        let mut data = Zeroizing::new(Vec::with_capacity(length));
        data.extend_from_slice(&answer.data);
        data.extend_from_slice(&next.data);
        answer = Answer { data, status: next.status };
    }
    Ok(answer)
}

fn transmit(card: &mut dyn Exchange, apdu: &[u8]) -> Result<Answer, CardError> {
    let mut data = Zeroizing::new(card.transmit(apdu)?);
    let end = data.len().checked_sub(2).filter(|end| *end <= ANSWER_LIMIT);
    let Some(end) = end else {
        return Err(CardError::Malformed("the answer is too short or too long".into()));
    };
    let status = Status(u16::from_be_bytes([data[end], data[end + 1]]));
    data.truncate(end);
    // ISO/IEC 7816-4, 5.6: where a command failed there is nothing but the status word. What looks otherwise was cut
    // off, and those are two bytes of data.
    if !status.is_one() || (status.is_failure() && end > 0) {
        return Err(CardError::Malformed("the answer does not end with a status word".into()));
    }
    Ok(Answer { data, status })
}

/// The most data in one short APDU.
const PIECE: usize = 255;
const GET_RESPONSE: u8 = 0xC0;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use zeroize::Zeroizing;

    use super::{ANSWER_LIMIT, Answer, Command};
    use crate::CardError;
    use crate::replay::Replay;
    use crate::status::Status;

    fn send(command: Command, dialogue: &[(&[u8], &[u8])]) -> Result<Answer, CardError> {
        let mut card =
            Replay::new(dialogue.iter().map(|(command, answer)| (command.to_vec(), answer.to_vec())));
        let answer = command.send(&mut card)?;
        card.finish();
        Ok(answer)
    }

    #[test]
    fn lengths_stand_where_they_should() {
        let answer = send(Command::new(0x20, 0, 0x80), &[(b"\x00\x20\x00\x80", b"\x63\xc3")]).unwrap();
        assert_eq!(answer.status.tries(), Some(3));
        let get = Command::new(0xCB, 0x3F, 0xFF).with(Zeroizing::new(b"\x5c\x01\x7e".to_vec())).answered();
        let answer = send(get, &[(b"\x00\xcb\x3f\xff\x03\x5c\x01\x7e\x00", b"\x7e\x00\x90\x00")]).unwrap();
        assert_eq!((&answer.data[..], answer.status), (&b"\x7e\x00"[..], Status::OK));
        let get = Command::new(0xF8, 0, 0).answered();
        let answer = send(get, &[(b"\x00\xf8\x00\x00\x00", b"\x01\x90\x00")]).unwrap();
        assert_eq!(&answer.data[..], b"\x01");
    }

    /// ISO/IEC 7816-4, 5.1.1: "if bit 5 is set to 1, the command is not the last command of a chain".
    #[test]
    fn long_data_go_in_a_chain() {
        let data: Vec<u8> = (0..=255).chain(0..=255).collect();
        let command = Command::new(0x87, 7, 0x9A).with(Zeroizing::new(data.clone())).answered();
        let pieces = [
            [&[0x10, 0x87, 7, 0x9A, 255], &data[..255]].concat(),
            [&[0x10, 0x87, 7, 0x9A, 255], &data[255..510]].concat(),
            [&[0x00, 0x87, 7, 0x9A, 2], &data[510..], &[0]].concat(),
        ];
        let ok: &[u8] = b"\x90\x00";
        let answer =
            send(command, &[(&pieces[0], ok), (&pieces[1], ok), (&pieces[2], b"\x2a\x90\x00")]).unwrap();
        assert_eq!(&answer.data[..], b"\x2a");

        let command = Command::new(0x87, 7, 0x9A).with(Zeroizing::new(data[..255].to_vec()));
        send(command, &[(&[&[0x00, 0x87, 7, 0x9A, 255], &data[..255]].concat(), ok)]).unwrap();

        let command = Command::new(0x87, 7, 0x9A).with(Zeroizing::new(data));
        let answer = send(command, &[(&pieces[0], b"\x68\x84")]).unwrap();
        assert_eq!(answer.status, Status(0x6884), "a card that knows no chaining is not sent the rest");
    }

    #[test]
    fn long_answers_are_fetched() {
        let answer = send(
            Command::new(0xCB, 0x3F, 0xFF).answered(),
            &[
                (b"\x00\xcb\x3f\xff\x00", b"\x01\x61\x02"),
                (b"\x00\xc0\x00\x00\x02", b"\x02\x03\x61\x00"),
                (b"\x00\xc0\x00\x00\x00", b"\x6c\x01"),
                (b"\x00\xc0\x00\x00\x01", b"\x04\x90\x00"),
            ],
        )
        .unwrap();
        assert_eq!((&answer.data[..], answer.status), (&b"\x01\x02\x03\x04"[..], Status::OK));
    }

    #[test]
    fn a_wrong_length_is_mended_once() {
        let again = send(
            Command::new(0xF8, 0, 0).answered(),
            &[(b"\x00\xf8\x00\x00\x00", b"\x6c\x01"), (b"\x00\xf8\x00\x00\x01", b"\x2a\x90\x00")],
        );
        assert_eq!(&again.unwrap().data[..], b"\x2a");
        let still = send(
            Command::new(0xF8, 0, 0).answered(),
            &[(b"\x00\xf8\x00\x00\x00", b"\x6c\x01"), (b"\x00\xf8\x00\x00\x01", b"\x6c\x02")],
        );
        assert_eq!(still.unwrap().status, Status(0x6C02));
        let verify = Command::new(0x20, 0, 0x80).with(Zeroizing::new(b"123456\xff\xff".to_vec()));
        let refused = send(verify, &[(b"\x00\x20\x00\x80\x08123456\xff\xff", b"\x6c\x08")]);
        assert_eq!(refused.unwrap().status, Status(0x6C08), "a PIN is not sent again");
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        for answer in
            [&b""[..], b"\x90", b"\x12\x34", b"\x00\x00", b"\x01\x69\x85", &vec![0x90; ANSWER_LIMIT + 3]]
        {
            let outcome = send(Command::new(0xF8, 0, 0).answered(), &[(b"\x00\xf8\x00\x00\x00", answer)]);
            assert!(matches!(outcome, Err(CardError::Malformed(_))), "{}", answer.len());
        }
        let first: &[u8] = b"\x00\xf8\x00\x00\x00";
        let more: &[u8] = b"\x00\xc0\x00\x00\x00";
        let outcome = send(Command::new(0xF8, 0, 0).answered(), &[(first, b"\x61\x00"), (more, b"\x61\x00")]);
        assert!(matches!(outcome, Err(CardError::Malformed(_))), "it never ends");
        let long = [&[7; 256][..], b"\x61\x00"].concat();
        let mut dialogue = vec![(first, &long[..])];
        dialogue.extend((0..256).map(|_| (more, &long[..])));
        assert!(matches!(send(Command::new(0xF8, 0, 0).answered(), &dialogue), Err(CardError::Malformed(_))));
    }
}
