//! A smart card in software, in a virtual reader of pcscd: what Claviger's tests have in place of hardware.
//!
//! ```text
//! virtual-card --port P --state DIR [--kind piv|openpgp|piv+openpgp|cac] [--serial N] [--out]
//! ```
//!
//! The card is put into the reader that listens on 127.0.0.1:P, unless `--out` leaves it beside, and `ready` is printed
//! once the reader has noticed it. Its keys, certificates and PIN counters stay in DIR. Then come orders on standard
//! input, see `orders.rs`; the end of the input ends the card. Lines that begin with `event` come unasked:
//!
//! | event | when |
//! | --- | --- |
//! | `event seen` | the reader noticed the card |
//! | `event lost` | the reader went away, for example with its pcscd; the card looks for it again |
//! | `event remove-before` and so on | a plan of that name was carried out |
//!
//! | file | what |
//! | --- | --- |
//! | `orders` | what a test can order |
//! | `slot` | what was ordered, shared by the threads |
//! | `vpcd` | the wire to the reader |
//! | `session` | one life of a card in a reader |
//! | `identity` | which card it is |
//! | `card` | applications behind SELECT, chaining, GET RESPONSE |
//! | `cac` | a Common Access Card, by libcacard in `cac-applet` beside this program |
//! | `chip` | keys, PINs and files for the applications |
//! | `flash` | the memory that outlives the power |
//! | `touch` | the button |

mod cac;
mod card;
mod chip;
mod flash;
mod identity;
mod orders;
mod session;
mod slot;
mod touch;
mod vpcd;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use identity::{Identity, Kind};
use slot::Slot;
use touch::Touch;

fn main() -> ExitCode {
    let Arguments { port, identity, out } = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("virtual-card: {why}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = identity.make() {
        eprintln!("virtual-card: cannot make the card in {}: {error}", identity.folder.display());
        return ExitCode::FAILURE;
    }
    let slot = Arc::new(Slot::new(identity));
    let touch = Arc::new(Touch::default());
    let (its_slot, its_touch) = (Arc::clone(&slot), Arc::clone(&touch));
    // RSA in the applets wants more than the default two megabytes of stack.
    let card = std::thread::Builder::new().stack_size(16 << 20);
    card.spawn(move || session::live(port, &its_slot, &its_touch)).expect("a thread can be made");
    if !out {
        slot.insert();
        if !slot.wait_until_seen() {
            eprintln!("virtual-card: no reader on port {port} noticed the card");
            return ExitCode::FAILURE;
        }
    }
    say("ready");
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(line) if line.trim() == "quit" => break,
            Ok(line) => say(&orders::carry_out(&line, &slot, &touch)),
            Err(_) => break,
        }
    }
    ExitCode::SUCCESS
}

/// Prints a line at once. A test that went away is no reason to fail: the end of the input is seen next.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

struct Arguments {
    port: u16,
    identity: Identity,
    out: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut port, mut folder, mut kind, mut serial, mut out) = (None, None, Kind::Piv, 1, false);
        while let Some(word) = words.next() {
            if word == "--out" {
                out = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
            match word.as_str() {
                "--port" => port = Some(value.parse().map_err(|_| format!("not a port: {value}"))?),
                "--state" => folder = Some(PathBuf::from(value)),
                "--kind" => kind = value.parse()?,
                "--serial" => serial = value.parse().map_err(|_| format!("not a serial number: {value}"))?,
                _ => return Err(format!("no such argument: {word}")),
            }
        }
        let port = port.ok_or("--port is missing")?;
        let folder = folder.ok_or("--state is missing")?;
        Ok(Self { port, identity: Identity { kind, folder, serial }, out })
    }
}
