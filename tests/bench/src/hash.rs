//! SHA-256 of 1 GiB: raw, by `sha256sum`, by the daemon from a descriptor. All must agree.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Instant;

use aws_lc_rs::digest as aws;
use ring::digest as ring;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::child::Partner;
use crate::error::{Doing, Error};
use crate::owner::hex;

/// A sealed memfd of 1 GiB, and 64 MiB of the same bytes.
///
/// The raw hash takes those sixteen times: more than the caches hold, less than a small machine has.
pub(crate) struct Gibibyte {
    memory: File,
    piece: Vec<u8>,
}

/// How many seconds the digest took.
pub(crate) struct HashTimes {
    /// By ring, in this thread.
    pub(crate) ring: f64,
    /// By aws-lc-rs, in this thread.
    pub(crate) aws: f64,
    /// By `sha256sum`, its start included.
    pub(crate) sha256sum: f64,
    /// By the daemon, from the memfd.
    pub(crate) daemon: f64,
}

impl Gibibyte {
    /// Makes it.
    pub(crate) fn new() -> Result<Self, Error> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut memory = File::from(memfd_create("claviger-bench", flags).doing("make a memfd")?);
        let piece = vec![5; (1 << 30) / PIECES];
        for _ in 0..PIECES {
            memory.write_all(&piece).doing("fill a memfd")?;
        }
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).doing("seal a memfd")?;
        Ok(Self { memory, piece })
    }

    /// Takes the time of each way once; fails where they disagree.
    pub(crate) fn time(&self, owner: &mut Partner) -> Result<HashTimes, Error> {
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.memory.as_raw_fd());
        let (ring, right) = self.by_ring();
        let times = HashTimes {
            ring,
            aws: self.by_aws(),
            daemon: timed_digest(&owner.ask(&format!("digest {path}"))?, &right)?,
            sha256sum: by_sha256sum(&path, &right)?,
        };
        Ok(times)
    }

    fn by_ring(&self) -> (f64, String) {
        let began = Instant::now();
        let mut context = ring::Context::new(&ring::SHA256);
        (0..PIECES).for_each(|_| context.update(&self.piece));
        let digest = context.finish();
        (began.elapsed().as_secs_f64(), hex(digest.as_ref()))
    }

    fn by_aws(&self) -> f64 {
        let began = Instant::now();
        let mut context = aws::Context::new(&aws::SHA256);
        (0..PIECES).for_each(|_| context.update(&self.piece));
        std::hint::black_box(context.finish());
        began.elapsed().as_secs_f64()
    }
}

fn by_sha256sum(path: &str, right: &str) -> Result<f64, Error> {
    let began = Instant::now();
    let done = Command::new("sha256sum").arg(path).output().doing("run sha256sum")?;
    let took = began.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&done.stdout);
    if said.starts_with(right) {
        return Ok(took);
    }
    Err(Error::Child { who: "sha256sum".to_owned(), said: said.into_owned() })
}

fn timed_digest(answer: &str, right: &str) -> Result<f64, Error> {
    match answer.split_once(' ') {
        Some((seconds, digest)) if digest == right => seconds.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| Error::Child { who: "the daemon".to_owned(), said: answer.to_owned() })
}

const PIECES: usize = 16;
