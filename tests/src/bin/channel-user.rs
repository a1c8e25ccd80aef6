//! A program that works with the key store over a channel, and outlives the session that it is of: it does not heed what
//! ends a session politely. A line on its standard input is one operation; it says whether a channel is open before and
//! after it.

use std::io::BufRead;

use claviger_client::Bus;
use claviger_client::blocking::Client;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(&Bus::System)?;
    for line in std::io::stdin().lock().lines() {
        drop(line?);
        let before = client.has_channel();
        client.random(16)?;
        println!("channel before {before}, after {}", client.has_channel());
    }
    Ok(())
}
