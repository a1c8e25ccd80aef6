//! Authenticates a user as the PAM module does, but for the conversation, and says how long the one call took that has the
//! token answer: `timed-login UID` reads a PIN or pass phrase a line, and answers each by microseconds.

use std::io::BufRead;
use std::time::{Duration, Instant};

use claviger_client::{AuthenticateOptions, Error, Login, PrepareOptions, Secret};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uid = std::env::args().nth(1).ok_or("which uid?")?.parse()?;
    println!("ready");
    for secret in std::io::stdin().lock().lines() {
        println!("took {} us", authenticate(uid, secret?)?.as_micros());
    }
    Ok(())
}

fn authenticate(uid: u32, secret: String) -> Result<Duration, Error> {
    let login = Login::connect(LIMIT)?;
    let means = login.prepare(uid, &PrepareOptions::default(), LIMIT)?;
    let options = AuthenticateOptions { token: Some(means.token), ..AuthenticateOptions::default() };
    let secret = Secret::new(secret.into_bytes());
    let began = Instant::now();
    login.authenticate(uid, &secret, &options, LIMIT)?;
    Ok(began.elapsed())
}

/// More than any token takes.
const LIMIT: Duration = Duration::from_secs(30);
