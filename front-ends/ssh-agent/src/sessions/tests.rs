use super::{NotBound, NotPermitted, Sessions};
use crate::protocol::{Certificate, Destination, Hop, Identity, Login, PublicKey, Role, SessionBind};

const NOW: u64 = 1000;

fn key(seed: u8) -> PublicKey {
    PublicKey::Ed25519([seed; 32])
}

fn host(seed: u8) -> Identity {
    Identity::Key(key(seed))
}

fn bind<'a>(host: &Identity, session: &'a [u8], is_forwarded: bool) -> SessionBind<'a> {
    SessionBind { host: host.clone(), session, signature: b"", is_forwarded }
}

fn to(user: &str, seed: u8) -> Hop {
    Hop { user: user.to_owned(), host: format!("host{seed}"), keys: vec![(key(seed), false)] }
}

/// `ssh-add -h host1 -h host1>alice@host2`
fn destinations() -> Vec<Destination> {
    vec![
        Destination { from: Hop::default(), to: to("", 1) },
        Destination { from: to("", 1), to: to("alice", 2) },
    ]
}

fn login<'a>(session: &'a [u8], user: &'a str, host: Option<Identity>) -> Login<'a> {
    Login { session, user, host }
}

#[test]
fn a_key_goes_where_its_hops_lead() {
    let mut direct = Sessions::default();
    assert!(direct.may_list(&destinations(), NOW), "here everything is seen");
    direct.bind(&bind(&host(1), b"one", false)).expect("bound");
    assert!(direct.may_list(&destinations(), NOW));
    let here = login(b"one", "bob", None);
    assert_eq!(direct.may_sign(&destinations(), Some(&here), NOW), Ok("host1"));

    let mut far = Sessions::default();
    far.bind(&bind(&host(1), b"one", true)).expect("bound");
    assert!(far.may_list(&destinations(), NOW), "it leads on from there");
    assert!(!far.may_list(&destinations()[..1], NOW), "it leads no further than there");
    far.bind(&bind(&host(2), b"two", false)).expect("bound");
    let there = login(b"two", "alice", Some(host(2)));
    assert_eq!(far.may_sign(&destinations(), Some(&there), NOW), Ok("host2"));
    assert!(far.is_forwarded() && !direct.is_forwarded());
}

#[test]
fn a_key_goes_nowhere_else() {
    let refused = |sessions: &Sessions, login: Option<&Login<'_>>| {
        sessions.may_sign(&destinations(), login, NOW).expect_err("it is refused")
    };
    let mut sessions = Sessions::default();
    let plain = login(b"one", "bob", None);
    assert_eq!(refused(&sessions, Some(&plain)), NotPermitted::Unbound);
    sessions.bind(&bind(&host(1), b"one", true)).expect("bound");
    assert_eq!(refused(&sessions, Some(&plain)), NotPermitted::NoHop, "a login on a hop that leads on");
    sessions.bind(&bind(&host(2), b"two", false)).expect("bound");
    assert_eq!(refused(&sessions, None), NotPermitted::NoLogin);
    for (wrong, why) in [
        (login(b"two", "bob", Some(host(2))), NotPermitted::NoHop),
        (login(b"one", "alice", Some(host(2))), NotPermitted::OtherSession),
        (login(b"two", "alice", Some(host(3))), NotPermitted::OtherSession),
        (login(b"two", "alice", None), NotPermitted::OtherSession),
    ] {
        assert_eq!(refused(&sessions, Some(&wrong)), why, "{wrong:?}");
    }
    let mut elsewhere = Sessions::default();
    elsewhere.bind(&bind(&host(9), b"nine", false)).expect("bound");
    assert!(!elsewhere.may_list(&destinations(), NOW));
    assert_eq!(refused(&elsewhere, Some(&login(b"nine", "bob", None))), NotPermitted::NoHop);
    let mut failed = Sessions::default();
    failed.failed();
    assert!(!failed.may_list(&destinations(), NOW) && failed.is_forwarded());
}

#[test]
fn a_connection_is_bound_hop_by_hop() {
    let mut sessions = Sessions::default();
    for place in 0..16_u8 {
        sessions.bind(&bind(&host(1), &[place], true)).expect("bound");
    }
    assert_eq!(sessions.bind(&bind(&host(1), &[3], true)), Ok(()), "again the same");
    assert_eq!(sessions.bind(&bind(&host(2), &[3], true)), Err(NotBound::OtherHost));
    assert_eq!(sessions.bind(&bind(&host(1), b"more", true)), Err(NotBound::TooMany));
    let mut used = Sessions::default();
    used.bind(&bind(&host(1), b"one", false)).expect("bound");
    assert_eq!(used.bind(&bind(&host(1), b"one", false)), Err(NotBound::InUse));
}

#[test]
fn an_authority_vouches_for_hosts_of_that_name_while_its_certificate_counts() {
    let certificate = Certificate {
        key: key(5),
        role: Role::Host,
        principals: vec!["host1".to_owned()],
        after: NOW,
        before: u64::MAX,
        is_critical: false,
        authority: key(1),
        signature: Vec::new(),
        signed: Vec::new(),
    };
    let by = |is_authority: bool| {
        let keys = vec![(key(1), is_authority)];
        let to = Hop { user: String::new(), host: "host1".to_owned(), keys };
        vec![Destination { from: Hop::default(), to }]
    };
    let goes = |certificate: &Certificate, is_authority, now| {
        let host = Identity::Certificate(Box::new(certificate.clone()));
        let mut sessions = Sessions::default();
        sessions.bind(&bind(&host, b"one", false)).expect("bound");
        sessions.may_sign(&by(is_authority), Some(&login(b"one", "bob", Some(host))), now).is_ok()
    };
    assert!(goes(&certificate, true, NOW));
    assert!(!goes(&certificate, false, NOW), "the key is the host's own, not an authority");
    assert!(!goes(&certificate, true, NOW - 1), "it does not count yet");
    let elsewhere = Certificate { principals: vec!["host2".to_owned()], ..certificate.clone() };
    assert!(!goes(&elsewhere, true, NOW));
    let of_user = Certificate { role: Role::User, ..certificate.clone() };
    assert!(!goes(&of_user, true, NOW));
    let ended = Certificate { before: NOW, ..certificate };
    assert!(!goes(&ended, true, NOW));
}
