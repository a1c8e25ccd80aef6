//! A process that signs through a PKCS#11 module, as a program does that knows how long a signature is: `C_SignInit` and
//! `C_Sign`, and one session for each thread.

mod ffi;

use std::io::BufRead;
use std::path::Path;

use cryptoki_sys as sys;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::child::{say, say_ready};
use crate::crew::{in_threads, obey};
use crate::daemon::Memory;
use crate::error::Error;
use crate::owner::PASSPHRASE;

use ffi::{Deed, Module, Session};

/// Signs as it is told; the job is the kind of key, `p256` or `rsa`, or `p256-asking`: for the length before each signature.
pub(crate) fn work(module: &Path) -> Result<(), Error> {
    let program = Program::begin(module)?;
    let mut sessions = Vec::new();
    obey(|order| {
        while sessions.len() < order.lanes {
            sessions.push(program.session()?);
        }
        let deed = program.deed(&order.job.join(" "))?;
        in_threads(&mut sessions[..order.lanes], order.shift, |session| {
            program.module.sign(*session, deed, &[3; 32], &mut [0; ROOM]).map(drop)
        })
    })
}

/// Answers an order with what the module adds to the memory of a process, after a signature of each kind and after a
/// thousand: resident, and of its own, in MB.
pub(crate) fn weigh(module: &Path) -> Result<(), Error> {
    say_ready()?;
    for _order in std::io::stdin().lock().lines().take(1) {
        let before = own_memory()?;
        let program = Program::begin(module)?;
        let idle = own_memory()?;
        for turn in 0..1000 {
            let deed = if turn % 2 == 0 { program.p256 } else { program.rsa };
            program.module.sign(program.first, deed, &[3; 32], &mut [0; ROOM])?;
        }
        let loaded = own_memory()?;
        let added = [
            idle.resident - before.resident,
            idle.own - before.own,
            loaded.resident - before.resident,
            loaded.own - before.own,
        ];
        say(&added.map(|megabytes| megabytes.to_string()).join(" "))?;
    }
    Ok(())
}

fn own_memory() -> Result<Memory, Error> {
    Memory::of(std::process::id())
}

/// A program that is logged in at a module's token.
struct Program {
    module: Module,
    slot: sys::CK_SLOT_ID,
    // A login lasts while there is a session.
    first: Session,
    p256: Deed,
    rsa: Deed,
}

impl Program {
    /// Loads the module, logs in, finds the keys and looks at a signature of each.
    fn begin(path: &Path) -> Result<Self, Error> {
        let module = Module::load(path)?;
        let slot = the_only(&module.slots()?)?;
        let first = module.session(slot)?;
        module.login(first, PASSPHRASE)?;
        let deed = |kind, mechanism| -> Result<Deed, Error> {
            let key = the_only(&module.find(first, sys::CKO_PRIVATE_KEY, kind)?)?;
            Ok(Deed { mechanism, key, asks: false })
        };
        let (p256, rsa) = (deed(sys::CKK_EC, sys::CKM_ECDSA)?, deed(sys::CKK_RSA, sys::CKM_SHA256_RSA_PKCS)?);
        let program = Self { module, slot, first, p256, rsa };
        program.check_p256()?;
        program.check_rsa()?;
        Ok(program)
    }

    fn session(&self) -> Result<Session, Error> {
        self.module.session(self.slot)
    }

    fn deed(&self, kind: &str) -> Result<Deed, Error> {
        match kind {
            "p256" => Ok(self.p256),
            "p256-asking" => Ok(Deed { asks: true, ..self.p256 }),
            "rsa" => Ok(self.rsa),
            other => Err(Error::Child { who: "the bench".to_owned(), said: other.to_owned() }),
        }
    }

    /// What is measured must be right: ring looks at a signature.
    fn check_p256(&self) -> Result<(), Error> {
        let mut room = [0; ROOM];
        let hash = digest(&SHA256, MESSAGE);
        let length = self.module.sign(self.first, self.p256, hash.as_ref(), &mut room)?;
        let public = the_only(&self.module.find(self.first, sys::CKO_PUBLIC_KEY, sys::CKK_EC)?)?;
        let point = self.module.attribute(self.first, public, sys::CKA_EC_POINT)?;
        // It stands at the end of an OCTET STRING.
        let point = point.last_chunk::<65>().ok_or_else(|| said("a short CKA_EC_POINT"))?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(MESSAGE, &room[..length])
            .map_err(|_| Error::Cryptography("verify a module's P-256 signature"))
    }

    /// The same with the RSA key.
    fn check_rsa(&self) -> Result<(), Error> {
        let mut room = [0; ROOM];
        let length = self.module.sign(self.first, self.rsa, MESSAGE, &mut room)?;
        let public = the_only(&self.module.find(self.first, sys::CKO_PUBLIC_KEY, sys::CKK_RSA)?)?;
        let n = self.module.attribute(self.first, public, sys::CKA_MODULUS)?;
        let e = self.module.attribute(self.first, public, sys::CKA_PUBLIC_EXPONENT)?;
        RsaPublicKeyComponents { n, e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, MESSAGE, &room[..length])
            .map_err(|_| Error::Cryptography("verify a module's RSA signature"))
    }
}

/// Each token has one key of each kind, and each module one token with a PIN.
fn the_only(found: &[sys::CK_ULONG]) -> Result<sys::CK_ULONG, Error> {
    match *found {
        [one] => Ok(one),
        _ => Err(said(&format!("{} where one is wanted", found.len()))),
    }
}

fn said(what: &str) -> Error {
    Error::Child { who: "a PKCS#11 module".to_owned(), said: what.to_owned() }
}

const MESSAGE: &[u8] = b"message";
/// As much as the longest signature here takes, which is RSA's.
const ROOM: usize = 256;
