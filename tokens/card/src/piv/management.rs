//! The management key, 9B: what writes keys and objects (SP 800-73-4 part 2, 3.2.4 and appendix A.1).

use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use claviger_token::Secret;
use des::TdesEde3;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::metadata::{self, MANAGEMENT, Metadata};
use super::random;
use crate::apdu::{Answer, Command};
use crate::status::Status;
use crate::{CardError, Exchange, tlv};

/// What people call it.
pub(crate) const NAME: &str = "management key";

/// A management key, not yet shown to the card.
pub(crate) struct ManagementKey(Zeroizing<Vec<u8>>);

/// The ciphers that such a key may be of (SP 800-78-4, table 6-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    TripleDes,
    Aes128,
    Aes192,
    Aes256,
}

impl ManagementKey {
    /// Takes a key as 16, 24 or 32 bytes, or as a person writes those, in hexadecimal digits.
    ///
    /// # Errors
    /// [`CardError::AuthorityNeeded`] without one, [`CardError::SecretUnfit`] for one that cannot be right.
    pub(crate) fn new(authority: Option<&Secret>) -> Result<Self, CardError> {
        let text = authority.ok_or(CardError::AuthorityNeeded(NAME))?.expose();
        let key = match text.len() {
            // Thirty-two digits by chance in 32 random bytes: once in 2^113.
            32 | 48 | 64 if text.iter().all(u8::is_ascii_hexdigit) => digits(text),
            16 | 24 | 32 => Zeroizing::new(text.to_vec()),
            _ => {
                return Err(CardError::SecretUnfit(
                    "a management key has 16, 24 or 32 bytes, in 32, 48 or 64 hexadecimal digits".into(),
                ));
            }
        };
        Ok(Self(key))
    }

    /// Shows the key to the card, which proves that it knows it too where it can do that.
    ///
    /// There is no logout for this one: the card is reset at the transaction's end, so that no other program finds it
    /// open, whether or not the last answer came.
    ///
    /// # Errors
    /// [`CardError::WrongAuthority`] for a wrong key, [`CardError::Wrong`] where the card does not know it.
    pub(crate) fn show(&self, card: &mut dyn Exchange) -> Result<(), CardError> {
        for cipher in self.ciphers(card)? {
            // SP 800-73-4 part 2, A.1.2: a witness, encrypted by the card.
            let answer = authenticate(card, cipher, &tlv::element(0x80, &[]))?;
            if answer.status == Status::OK {
                return self.show_mutually(card, cipher, &answer);
            }
            // A.1.1: a challenge to be encrypted by us; nothing proves the card.
            let answer = authenticate(card, cipher, &tlv::element(0x81, &[]))?;
            if answer.status == Status::OK {
                return self.show_only(card, cipher, &answer);
            }
        }
        Err(CardError::SecretUnfit("the card's management key is of another kind".into()))
    }

    /// Returns the ciphers that the key may be of; a card that tells which is asked.
    fn ciphers(&self, card: &mut dyn Exchange) -> Result<Vec<Cipher>, CardError> {
        let mut ciphers = match self.0.len() {
            16 => vec![Cipher::Aes128],
            24 => vec![Cipher::TripleDes, Cipher::Aes192],
            _ => vec![Cipher::Aes256],
        };
        if let Metadata::Told(told) = metadata::of(card, MANAGEMENT)? {
            ciphers.retain(|cipher| told.number.is_none_or(|number| number == cipher.number()));
        }
        Ok(ciphers)
    }

    fn show_mutually(
        &self,
        card: &mut dyn Exchange,
        cipher: Cipher,
        answer: &Answer,
    ) -> Result<(), CardError> {
        let mut witness = block(answer, 0x80, cipher)?;
        cipher.decrypt(&self.0, &mut witness).ok_or_else(unfit)?;
        let challenge = random(cipher.block())?;
        let data = [tlv::element(0x80, &[&witness]), tlv::element(0x81, &[&challenge])];
        card.reset_at_end();
        let answer = authenticate(card, cipher, &[&data[0][..], &data[1]].concat())?;
        if answer.status != Status::OK {
            return Err(refused(answer.status));
        }
        let response = block(&answer, 0x82, cipher)?;
        let mut expected = challenge;
        cipher.encrypt(&self.0, &mut expected).ok_or_else(unfit)?;
        if bool::from(expected.ct_eq(&response)) {
            Ok(())
        } else {
            Err(CardError::Wrong("the card could not prove that it knows its management key".into()))
        }
    }

    fn show_only(&self, card: &mut dyn Exchange, cipher: Cipher, answer: &Answer) -> Result<(), CardError> {
        let mut challenge = block(answer, 0x81, cipher)?;
        cipher.encrypt(&self.0, &mut challenge).ok_or_else(unfit)?;
        card.reset_at_end();
        match authenticate(card, cipher, &tlv::element(0x82, &[&challenge]))?.status {
            Status::OK => Ok(()),
            word => Err(refused(word)),
        }
    }
}

impl Cipher {
    const fn number(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0A,
            Self::Aes256 => 0x0C,
        }
    }

    /// Returns the size of its block in bytes.
    const fn block(self) -> usize {
        if matches!(self, Self::TripleDes) { 8 } else { 16 }
    }

    /// Encrypts one block; `None` where key or block have not its size.
    fn encrypt(self, key: &[u8], block: &mut [u8]) -> Option<()> {
        match self {
            Self::TripleDes => encrypt::<TdesEde3>(key, block),
            Self::Aes128 => encrypt::<Aes128>(key, block),
            Self::Aes192 => encrypt::<Aes192>(key, block),
            Self::Aes256 => encrypt::<Aes256>(key, block),
        }
    }

    /// Decrypts one block; `None` where key or block have not its size.
    fn decrypt(self, key: &[u8], block: &mut [u8]) -> Option<()> {
        match self {
            Self::TripleDes => decrypt::<TdesEde3>(key, block),
            Self::Aes128 => decrypt::<Aes128>(key, block),
            Self::Aes192 => decrypt::<Aes192>(key, block),
            Self::Aes256 => decrypt::<Aes256>(key, block),
        }
    }
}

fn encrypt<C: KeyInit + BlockCipherEncrypt>(key: &[u8], block: &mut [u8]) -> Option<()> {
    let block: &mut Block<C> = block.try_into().ok()?;
    C::new_from_slice(key).ok()?.encrypt_block(block);
    Some(())
}

fn decrypt<C: KeyInit + BlockCipherDecrypt>(key: &[u8], block: &mut [u8]) -> Option<()> {
    let block: &mut Block<C> = block.try_into().ok()?;
    C::new_from_slice(key).ok()?.decrypt_block(block);
    Some(())
}

fn authenticate(card: &mut dyn Exchange, cipher: Cipher, content: &[u8]) -> Result<Answer, CardError> {
    let data = tlv::element(0x7C, &[content]);
    Command::new(0x87, cipher.number(), MANAGEMENT).with(data).answered().send(card)
}

/// Returns the one block in an answer.
fn block(answer: &Answer, tag: u32, cipher: Cipher) -> Result<Zeroizing<Vec<u8>>, CardError> {
    tlv::only(&answer.data, 0x7C)
        .and_then(|content| tlv::only(content, tag))
        .filter(|block| block.len() == cipher.block())
        .map(|block| Zeroizing::new(block.to_vec()))
        .ok_or_else(|| CardError::Malformed("of GENERAL AUTHENTICATE with the management key".into()))
}

/// What it means that the last step failed: every card has its own word for a key that is wrong.
fn refused(word: Status) -> CardError {
    match word {
        Status::BLOCKED => CardError::NotSupported("be managed: its management key is blocked"),
        Status::CONDITIONS => CardError::NotTouched,
        _ => CardError::WrongAuthority(NAME),
    }
}

fn unfit() -> CardError {
    CardError::SecretUnfit("the management key does not fit its cipher".into())
}

fn digits(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        byte => byte.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    };
    Zeroizing::new(text.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use claviger_token::Secret;

    use super::{Cipher, ManagementKey};
    use crate::CardError;

    /// FIPS 197, appendix C, and SP 800-67, appendix B (whose three keys are given in one row here).
    #[test]
    fn the_ciphers_are_those_of_the_standards() {
        let key: Vec<u8> = (0..32).collect();
        let plain: Vec<u8> = (0..16).map(|byte| byte * 0x11).collect();
        for (cipher, length, first) in
            [(Cipher::Aes128, 16, 0x69), (Cipher::Aes192, 24, 0xdd), (Cipher::Aes256, 32, 0x8e)]
        {
            let mut block = plain.clone();
            cipher.encrypt(&key[..length], &mut block).unwrap();
            assert_eq!(block[0], first, "{cipher:?}");
            cipher.decrypt(&key[..length], &mut block).unwrap();
            assert_eq!(block, plain);
            assert!(cipher.encrypt(&key[..length - 1], &mut block).is_none());
            assert!(cipher.encrypt(&key[..length], &mut block[..8]).is_none());
        }
        let key = b"\x01\x23\x45\x67\x89\xab\xcd\xef\x23\x45\x67\x89\xab\xcd\xef\x01\x45\x67\x89\xab\xcd\xef\x01\x23";
        let mut block = b"The qufc".to_vec();
        Cipher::TripleDes.encrypt(key, &mut block).unwrap();
        assert_eq!(block, b"\xa8\x26\xfd\x8c\xe5\x3b\x85\x5f");
    }

    #[test]
    fn a_key_is_taken_as_bytes_or_as_digits() {
        let key = |text: &[u8]| ManagementKey::new(Some(&Secret::new(text.to_vec())));
        assert_eq!(key(&[1; 24]).ok().unwrap().0.as_slice(), &[1; 24]);
        let digits = b"010203040506070801020304050607080102030405060708";
        assert_eq!(key(digits).ok().unwrap().0[..9], [1, 2, 3, 4, 5, 6, 7, 8, 1]);
        assert_eq!(key(b"ABCDEFabcdef00112233445566778899").ok().unwrap().0[..4], [0xab, 0xcd, 0xef, 0xab]);
        assert!(matches!(key(b"12345678"), Err(CardError::SecretUnfit(_))));
        assert!(matches!(key(&[b'g'; 48]), Err(CardError::SecretUnfit(_))));
        assert!(matches!(ManagementKey::new(None), Err(CardError::AuthorityNeeded(_))));
    }
}
