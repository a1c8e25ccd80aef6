//! Somebody stands between the computer and the phone while they are paired by numbers, and speaks to each in the place of the
//! other.

use std::os::unix::net::UnixStream as StdStream;

use claviger_phone_protocol::host::{self, Host};
use claviger_phone_protocol::phone::{self, Identity};
use claviger_phone_protocol::{Hello, Method, Offer, StaticKey, SystemRandomness, Terms};
use claviger_tests::accounts::Person;
use claviger_tests::in_time;
use claviger_tests::peer::{Outcome, option};
use claviger_tests::phone::{PairCall, Phone, Plan, phone_house, until_listened};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Plays the phone to the computer, and returns the number that it would have to show.
async fn as_the_phone(mut stream: UnixStream) -> (String, UnixStream) {
    let identity = Identity { product: "a phone".to_owned() };
    let mut end = phone::Phone::new(identity, Box::new(SystemRandomness));
    let mut buffer = vec![0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the computer hung up");
        end.receive(&buffer[..count]);
        let mut code = None;
        while let Some(event) = end.event() {
            match event {
                phone::Event::Hello(Hello::Numbers(_)) => {
                    end.pair_by_numbers(StaticKey::generate(&mut SystemRandomness).unwrap());
                }
                phone::Event::Compare(shown) => code = Some(shown.to_string()),
                _ => {}
            }
        }
        stream.write_all(&end.output()).await.unwrap();
        if let Some(code) = code {
            return (code, stream);
        }
    }
}

/// Plays the computer to the phone, says itself that the numbers are the same, and returns how that ends: the number, and
/// whether it was paired.
async fn as_the_computer(mut stream: UnixStream) -> (String, bool) {
    let terms = Terms { host: "vm".to_owned(), user: "games".to_owned(), uid: 5 };
    let offer = Offer::new(Method::Numbers, terms, &mut SystemRandomness).unwrap();
    let mut end = Host::pair(offer, Box::new(SystemRandomness));
    let (mut buffer, mut code) = (vec![0; 4096], String::new());
    loop {
        stream.write_all(&end.output()).await.unwrap();
        while let Some(event) = end.event() {
            match event {
                host::Event::Compare(shown) => {
                    code = shown.to_string();
                    end.confirm(true);
                }
                host::Event::Paired(_) => return (code, true),
                host::Event::Closed(_) => return (code, false),
                _ => {}
            }
        }
        stream.write_all(&end.output()).await.unwrap();
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return (code, false),
            Ok(count) => end.receive(&buffer[..count]),
        }
    }
}

fn stream(std: StdStream) -> UnixStream {
    std.set_nonblocking(true).unwrap();
    UnixStream::from_std(std).unwrap()
}

#[tokio::test]
async fn both_people_are_shown_different_numbers_and_nobody_is_paired() {
    let house = phone_house("").await;
    let alice = house.visitor(&Person::alice()).await;
    let listening = Plan::new().screen();
    let folder = claviger_tests::place::Place::new();
    let sockets = folder.folder("sockets", &listening.person);
    let path = sockets.join("phone");
    let phone = Phone::start(listening.link(&["--listen", &format!("unix:{}", path.display())])).await;

    let mut call = PairCall::begin(&alice, Some("socket"), option("method", "numbers"));
    let mut invitation = phone.invite_by_numbers();
    invitation.stands().await;
    let socket = house.daemon.phone_socket(&alice.person);
    until_listened(&socket).await;
    let to_the_computer = stream(alice.person.connect(&socket));
    let to_the_phone = stream(StdStream::connect(&path).unwrap());

    let attack = async { tokio::join!(as_the_phone(to_the_computer), as_the_computer(to_the_phone)) };
    let people = async {
        let (here, there) = (call.hears("code ").await, invitation.code().await);
        // What the person at the computer sees is not what the phone shows.
        assert_ne!(here, there);
        call.says("no").await;
        let refusal = call.ends().await.refused("WrongToken");
        assert!(refusal.text.contains("numbers differ"), "{refusal}");
        // The attacker says of itself that they are the same; the phone's person has seen that they are not.
        let asked = phone.screen().answer("n").await;
        assert!(asked.contains(&there), "{asked}");
        (here, there)
    };
    let (((to_computer, _open), (to_phone, paired)), (here, there)) =
        in_time("the attack", async { tokio::join!(attack, people) }).await;
    assert_eq!((to_computer, to_phone), (here, there), "the control: the attacker speaks with both");
    assert!(!paired);
    assert_eq!(invitation.ends().await.code, Some(5));
    assert!(alice.tokens().await.is_empty());
    assert_eq!(phone.list().await["hosts"], serde_json::json!([]));
}
