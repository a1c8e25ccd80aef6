//! Conversations that were written down, held against the agent byte for byte. The key store is a toy; the keys in the
//! recordings are real.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod adding;
mod toy;

use claviger_ssh_agent::agent::{Agent, Settings};
use claviger_ssh_agent::book::Book;
use claviger_ssh_agent::journal::Journal;
use claviger_ssh_agent::sessions::Sessions;
use data_encoding::HEXLOWER;

use toy::Toy;

fn agent(toy: Toy) -> Agent<Toy> {
    let book = Book::open(None).expect("an empty book");
    Agent::new(toy, book, Settings::default(), Journal::default())
}

/// Replays a recording.
async fn replay(agent: &Agent<Toy>, recording: &str) {
    let mut sessions = Sessions::default();
    let mut answer = None;
    for (number, line) in recording.lines().enumerate() {
        let place = || format!("line {}", number + 1);
        match line.split_once(' ') {
            Some((">", message)) => {
                let message = HEXLOWER.decode(message.as_bytes()).expect("hex");
                answer = Some(agent.answer(&mut sessions, &message).await.to_message());
            }
            Some(("<", expected)) => {
                let answer = answer.take().unwrap_or_else(|| panic!("{}: nothing was asked", place()));
                assert_eq!(HEXLOWER.encode(&answer), expected, "{}", place());
            }
            _ if line == "connection" => sessions = Sessions::default(),
            _ => assert!(line.starts_with('#') || line.is_empty(), "{}: {line}", place()),
        }
    }
}

#[tokio::test]
async fn openssh_is_answered_as_by_its_own_agent() {
    let agent = agent(Toy::default());
    replay(&agent, include_str!("golden/openssh")).await;
    // Once for ssh-add -T, whose data are of no kind, and twice for a login at the host that the key is for.
    let login = "log in as 'games' at host1 (SHA256:m45RN8zDYS5RR63yFpWUNxb5EJW6GClKq7YRzUrxcEI)";
    assert_eq!(agent.store().reasons(), [login, login]);
}

#[tokio::test]
async fn signatures_of_every_kind_are_written_as_ssh_has_them() {
    replay(&agent(Toy::with_fixed_keys()), include_str!("golden/signatures")).await;
}
