//! Somebody else at alice's card, junk in place of secrets, a full disk, and a daemon that dies in the middle of an
//! enrolment.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{
    CardHouse, Enrolled, MESSAGE, PIN, Watch, assert_right, flag, piv_card, start, word,
};
use claviger_tests::daemon::Start;
use claviger_tests::house::House;
use claviger_tests::memory::resident;
use claviger_tests::pcsc::Pcscd;
use claviger_tests::pcsc::card::{Depth, Logged};
use claviger_tests::peer::{Options, Outcome, Peer, Refusal, none, option};
use claviger_tests::place::SmallDisk;
use claviger_tests::secret;
use serde_bytes::{ByteBuf, Bytes};
use zbus::Fd;

use crate::calls::{PUK, change_pin, forget, keys_on, tries_spent, unblock_pin, unlock};
use crate::desk::MANAGEMENT_KEY;

/// Calls every method of `Tokens` that does something to a token, with what would be right for its owner.
async fn every_method(peer: &Peer, token: &str) -> Vec<(&'static str, Result<(), Refusal>)> {
    let authority = option("authority", secret::pipe(MANAGEMENT_KEY));
    vec![
        ("EnrolCard", peer.enrol(token, PIN, none()).await.map(drop)),
        ("UnlockToken", unlock(peer, token, PIN, none()).await),
        ("LockToken", peer.lock_card(token).await),
        ("ChangePin", change_pin(peer, token, PIN, "654321").await),
        ("UnblockPin", unblock_pin(peer, token, PUK, "654321").await),
        ("InitCard", peer.call::<String>("Tokens", "InitCard", &(token, authority)).await.map(drop)),
        ("ForgetToken", forget(peer, token).await),
    ]
}

/// Calls every method of `Keys` that does something on a token or with a key on it.
async fn every_use(peer: &Peer, token: &str, key: &str) -> Vec<(&'static str, Result<(), Refusal>)> {
    let site = || {
        Options::from([
            ("location", "card".into()),
            ("token", token.to_owned().into()),
            ("authority", secret::pipe(MANAGEMENT_KEY).into()),
        ])
    };
    let authority = option("authority", secret::pipe(MANAGEMENT_KEY));
    let certificate = (key, Bytes::new(b""), authority);
    let derive = (key, "ECDH1_DERIVE", Bytes::new(b"peer"), none());
    vec![
        ("GenerateKey", peer.call::<String>("Keys", "GenerateKey", &("P-256", site())).await.map(drop)),
        (
            "ImportKey",
            peer.call::<String>("Keys", "ImportKey", &(secret::pipe("key"), site())).await.map(drop),
        ),
        ("Sign", peer.sign(key, "", MESSAGE, none()).await.map(drop)),
        ("Derive", peer.bytes("Keys", "Derive", &derive).await.map(drop)),
        ("GetKey", peer.public_key(key).await.map(drop)),
        ("DeleteKey", peer.delete(key).await),
        ("SetLabel", peer.call("Keys", "SetLabel", &(key, "mine", none())).await),
        ("SetDefaultKey", peer.call("Keys", "SetDefaultKey", &("sign", key, none())).await),
        ("SetCertificate", peer.call("Keys", "SetCertificate", &certificate).await),
        (
            "GetCertificates",
            peer.call::<Vec<ByteBuf>>("Keys", "GetCertificates", &(key, none())).await.map(drop),
        ),
        ("Attest", peer.call::<Vec<ByteBuf>>("Keys", "Attest", &(key, none())).await.map(drop)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_does_anything_to_an_enrolled_card_and_the_card_hears_nothing_of_it() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let strangers = [
        house.visitor(&Person::bob()).await,
        house.house.bob().await,
        house.visitor(&Person::root()).await,
        house.visitor(&Person::service()).await,
    ];
    card.card.log(Depth::Full);
    card.card.drain_log();
    for stranger in &strangers {
        for (method, result) in every_method(stranger, &card.token).await {
            let refusal = result.expect_err(method);
            let names = ["NoSuchToken", "AccessDenied", "NotRegistered"];
            assert!(names.contains(&refusal.name.as_str()), "{method}: {refusal}");
        }
        for (method, result) in every_use(stranger, &card.token, &card.key).await {
            let refusal = result.expect_err(method);
            let names = ["NoSuchToken", "NoSuchKey", "NotRegistered"];
            assert!(names.contains(&refusal.name.as_str()), "{method}: {refusal}");
        }
        assert!(keys_on(stranger, &card.token).await.is_empty());
    }
    let log = card.card.drain_log();
    assert_eq!(log, [], "nothing reached the card");
    assert!(!flag(&card.owner.token(&card.token).await.unwrap(), "locked"), "nor was it locked");
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);

    // What is away does not exist for strangers at all.
    card.pull().await;
    for (method, result) in every_method(&strangers[1], &card.token).await {
        let refusal = result.expect_err(method);
        assert!(["NoSuchToken", "AccessDenied"].contains(&refusal.name.as_str()), "{method}: {refusal}");
    }
    strangers[1].token(&card.token).await.refused("NoSuchToken");
    assert_eq!(strangers[1].tokens().await.iter().filter(|(id, _)| *id == card.token).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_tell_a_taken_card_that_is_away_from_one_that_never_was() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let bob = house.house.bob().await;
    card.pull().await;
    let never = "card:piv:c1a716e5000040008000000000ffffff";
    let answers = async |token: &str| -> Vec<_> {
        let results = every_method(&bob, token).await.into_iter();
        results.filter(|(method, _)| *method != "EnrolCard").map(|(_, result)| result.unwrap_err()).collect()
    };
    assert_eq!(answers(&card.token).await, answers(never).await);
}

/// Gives every method that takes a secret this one.
async fn offered_everywhere(card: &Enrolled, make: &dyn Fn() -> Fd<'static>) -> Vec<Refusal> {
    let (alice, token) = (&card.owner, card.token.as_str());
    let with = |name| Options::from([(name, make().into())]);
    let good = || secret::pipe(PIN);
    let certificate = (card.key.as_str(), Bytes::new(b""), with("authority"));
    let mut site = with("authority");
    site.extend([("location", "card".into()), ("slot", "9c".into())]);
    let results = [
        alice.call("Tokens", "UnlockToken", &(token, with("pin"))).await,
        alice.call::<Vec<String>>("Tokens", "EnrolCard", &(token, with("pin"))).await.map(drop),
        alice.call("Tokens", "ChangePin", &(token, make(), good(), none())).await,
        alice.call("Tokens", "ChangePin", &(token, good(), make(), none())).await,
        alice.call("Tokens", "UnblockPin", &(token, make(), good(), none())).await,
        alice.call("Tokens", "UnblockPin", &(token, secret::pipe(PUK), make(), none())).await,
        alice.call::<String>("Tokens", "InitCard", &(token, with("authority"))).await.map(drop),
        alice.call("Keys", "SetCertificate", &certificate).await,
        alice.call::<String>("Keys", "GenerateKey", &("P-256", site)).await.map(drop),
    ];
    results.into_iter().map(|result| result.expect_err("this is no secret")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_in_place_of_a_secret_is_refused_and_spends_no_try() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    card.card.log(Depth::Full);
    card.card.drain_log();
    let long = vec![b'1'; 1 << 20];
    let junk: [&dyn Fn() -> Fd<'static>; 6] = [
        &|| secret::open("/tmp"),
        &|| secret::open("/etc/hostname"),
        &|| secret::open("/dev/null"),
        &|| rustix::pipe::pipe().unwrap().1.into(),
        &|| secret::pipe(""),
        &|| secret::pipe(&long),
    ];
    for (number, make) in junk.into_iter().enumerate() {
        for refusal in offered_everywhere(&card, make).await {
            let names = ["InvalidArgs", "DataInvalid", "DataTooLarge"];
            assert!(names.contains(&refusal.name.as_str()), "{number}: {refusal}");
        }
    }
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0]);
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_nobody_has_are_refused_whatever_they_are_called() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let long = format!("card:piv:{}", "0".repeat(100_000));
    let upper = card.token.to_uppercase();
    let wild =
        ["card:", "card:piv:", "card:gold:1", "card:piv:../../x", "local:0", "\u{1}", "%", &long, &upper];
    for token in wild {
        for (method, result) in every_method(&card.owner, token).await {
            let refusal = result.expect_err(method);
            // A card that is nobody's may be enrolled: of such a one it is said that it is not there.
            let names =
                if method == "EnrolCard" { ["NoSuchToken", "TokenAbsent"] } else { ["NoSuchToken"; 2] };
            assert!(names.contains(&refusal.name.as_str()), "{method} {refusal}");
        }
    }
    card.sign().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_somebody_invents_are_not_remembered() {
    let house = CardHouse::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let invent = async |number: usize| {
        let token = format!("card:piv:{number:08}{}", "0".repeat(1 << 20));
        alice.enrol(&token, PIN, none()).await.refused("TokenAbsent");
        change_pin(&alice, &token, PIN, "654321").await.refused("NoSuchToken");
    };
    // What the buffers of a message of that size take is taken by the first few.
    for number in 0..8 {
        invent(number).await;
    }
    let before = resident(house.house.daemon.pid());
    for number in 8..72 {
        invent(number).await;
    }
    let grown = resident(house.house.daemon.pid()).saturating_sub(before);
    // Their names alone have 64 MiB.
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_an_enrolment_whole() {
    let disk = SmallDisk::new(1024, &Person::service());
    let pcscd = Pcscd::start();
    let how = Start { state: Some(disk.path().to_owned()), ..start(&pcscd.socket(), "") };
    let house = CardHouse { house: House::with(how).await, pcscd };
    let alice = house.house.alice().await;
    let card = piv_card(&house.pcscd, 0).await;
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    disk.fill(0);
    // What room there is in the table itself may do for some.
    let mut refusal = None;
    for _ in 0..50 {
        match alice.enrol(&token, PIN, none()).await {
            Ok(_) => forget(&alice, &token).await.map_err(|error| refusal = Some(error)).ok(),
            Err(error) => refusal.replace(error).map(drop),
        };
        if refusal.is_some() {
            break;
        }
    }
    assert_eq!(refusal.as_ref().map(|refusal| refusal.name.as_str()), Some("StoreFull"), "{refusal:?}");
    let enrolled = flag(&alice.token(&token).await.unwrap(), "enrolled");
    assert_eq!(alice.keys().await.unwrap().len(), usize::from(enrolled), "keys and card go together");
    disk.relieve();
    let keys = alice.enrol(&token, PIN, none()).await.expect("there is room again");
    let public = alice.public_key(&keys[0]).await.unwrap();
    assert_right(&public, MESSAGE, &alice.sign(&keys[0], "", MESSAGE, none()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_while_it_enrols_leaves_nothing_half_done_and_no_card_open() {
    let mut house = CardHouse::open().await;
    let mut card = piv_card(&house.pcscd, 0).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut watch = Watch::of(&house.house, &alice.person).await;
    let token = watch.until_card_in(card.reader()).await;
    // How many commands an enrolment takes, and which show the PIN and use the key.
    card.log(Depth::Headers);
    card.drain_log();
    alice.enrol(&token, PIN, none()).await.unwrap();
    let log = card.drain_log();
    card.log(Depth::Off);
    let commands: Vec<u8> = log.iter().filter_map(Logged::command).map(|command| command[1]).collect();
    forget(&alice, &token).await.unwrap();
    let shows = commands.iter().position(|instruction| *instruction == 0x20).unwrap();
    let count = commands.len();
    let mut moments = vec![0, count / 2, count - 1];
    moments.extend(shows..(shows + 4).min(count));
    moments.extend((1..=4).map(|back| count - back));
    moments.sort_unstable();
    moments.dedup();
    let mut killed = 0;
    for moment in moments {
        let what = format!("command {moment} of {commands:02X?}");
        card.hang_at(moment as u64 + 1);
        let (enrolling, asked) = (alice.clone(), token.clone());
        let mut enrolling = tokio::spawn(async move { enrolling.enrol(&asked, PIN, none()).await });
        tokio::select! {
            () = card.event("hang-at") => killed += 1,
            done = &mut enrolling => {
                // It took fewer commands than the first time.
                done.unwrap().unwrap();
                card.forget_plans();
                forget(&alice, &token).await.unwrap();
                continue;
            }
        }
        house.house.daemon.kill().await;
        card.resume();
        card.forget_plans();
        enrolling.await.unwrap().expect_err(&what);
        house.house.daemon.restart(&house.house.bus).await.unwrap();
        let mut watch = Watch::of(&house.house, &alice.person).await;
        watch.until_presence(&token, "present").await;
        let told = alice.token(&token).await.unwrap();
        assert!(!flag(&told, "enrolled") && !flag(&told, "taken"), "{what}: {told:?}");
        assert_eq!(alice.keys().await.unwrap().len(), 0, "{what}");
        let state =
            claviger_tests::cards::pin_state(&mut claviger_tests::cards::connected(&house.pcscd, &card));
        assert_eq!(state, 0x63C3, "{what}: the card is as it was, and not left verified");
    }
    assert!(killed > 5, "it was killed {killed} times only");
    alice.enrol(&token, PIN, none()).await.expect("it can still be enrolled");
    assert_eq!(word(&alice.account().await, "state"), "active");
}
