use std::time::Duration;

use claviger_token::{Presence, TokenId};

use super::{Binding, Effect, Event, How, Notice, Place, Session, SessionId, Sessions};
use crate::{Action, Reason, RemovalPolicy};

const BOOT: &str = "7c5f0f8e-boot";
const ALICE: u32 = 1000;
const BOB: u32 = 1001;

fn session(id: &str, uid: u32, kind: &str) -> Session {
    Session {
        id: SessionId::new(id),
        started: 1_000_000,
        uid,
        class: "user".into(),
        kind: kind.into(),
        seat: String::new(),
        tty: String::new(),
        remote: false,
        remote_host: String::new(),
        locked: false,
        closing: false,
    }
}

fn binding(id: &str, uid: u32, token: &str) -> Binding {
    Binding {
        session: SessionId::new(id),
        started: 1_000_000,
        boot: BOOT.into(),
        uid,
        token: TokenId::new(token),
        how: How::Login,
        place: Place::default(),
        bound: 0,
    }
}

fn notice(id: &str, uid: u32, token: &str, reason: Reason) -> Notice {
    Notice { session: SessionId::new(id), uid, token: TokenId::new(token), reason }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn token(name: &str, presence: Presence) -> Event {
    Event::Token(TokenId::new(name), presence)
}

/// Alice at the desk (x11) and on a terminal, both with her card; a second desk of hers with nothing; Bob with his card.
fn house(policy: RemovalPolicy) -> Sessions {
    let mut house = Sessions::new(policy, BOOT.into(), Vec::new());
    let all = vec![
        session("desk", ALICE, "x11"),
        session("tty", ALICE, "tty"),
        session("free", ALICE, "wayland"),
        session("bobs", BOB, "x11"),
    ];
    assert_eq!(house.apply(at(0), Event::Sessions(all)), []);
    for binding in [binding("desk", ALICE, "a"), binding("tty", ALICE, "a"), binding("bobs", BOB, "b")] {
        assert_eq!(house.apply(at(0), Event::Bound(binding)), []);
    }
    for name in ["a", "b"] {
        assert_eq!(house.apply(at(0), token(name, Presence::Present)), []);
    }
    house
}

fn policy(local: Action) -> RemovalPolicy {
    RemovalPolicy { local, remote: local, ..RemovalPolicy::default() }
}

#[test]
fn exactly_the_sessions_of_the_removed_token_end() {
    let mut house = house(policy(Action::Terminate));
    let ended = house.apply(at(1), token("a", Presence::Removed));
    let expected = ["desk", "tty"].map(|id| Effect::Terminate(notice(id, ALICE, "a", Reason::Removed)));
    assert_eq!(ended, expected);
    assert_eq!(house.apply(at(2), token("a", Presence::Removed)), [], "it is done once");
    assert_eq!(house.deadline(), None);
}

#[test]
fn a_screen_locks_and_what_cannot_lock_ends() {
    let mut house = house(policy(Action::Lock));
    assert_eq!(
        house.apply(at(1), token("a", Presence::Removed)),
        [
            Effect::Lock(notice("desk", ALICE, "a", Reason::Removed)),
            Effect::Terminate(notice("tty", ALICE, "a", Reason::Removed)),
        ]
    );
    assert_eq!(house.deadline(), Some(at(6)));
    let locked = Session { locked: true, ..session("desk", ALICE, "x11") };
    assert_eq!(house.apply(at(2), Event::Session(locked)), []);
    assert_eq!(house.deadline(), None, "the lock is confirmed");
    assert_eq!(house.apply(at(20), Event::Clock), []);
}

#[test]
fn a_screen_that_does_not_say_it_is_locked_ends_after_the_time_for_it() {
    let mut house = house(policy(Action::Lock));
    house.apply(at(1), token("a", Presence::Removed));
    assert_eq!(house.apply(at(5), Event::Clock), []);
    // The card that is back meanwhile changes nothing: the screen was told to lock.
    assert_eq!(house.apply(at(5), token("a", Presence::Present)), []);
    let desk = notice("desk", ALICE, "a", Reason::Removed);
    assert_eq!(house.apply(at(6), Event::Clock), [Effect::Terminate(desk)]);
    assert_eq!(house.apply(at(7), Event::Clock), []);
}

#[test]
fn an_escalation_to_nothing_is_loud_and_no_more() {
    let mut house = house(RemovalPolicy { escalation: Action::None, ..policy(Action::Lock) });
    let desk = || notice("desk", ALICE, "a", Reason::Removed);
    let tty = notice("tty", ALICE, "a", Reason::Removed);
    assert_eq!(
        house.apply(at(1), token("a", Presence::Removed)),
        [Effect::Lock(desk()), Effect::Unlockable(tty)]
    );
    assert_eq!(house.apply(at(6), Event::Clock), [Effect::Unlockable(desk())]);
}

#[test]
fn a_screen_that_is_locked_already_is_left_so() {
    let mut house = house(policy(Action::Lock));
    let locked = Session { locked: true, ..session("bobs", BOB, "x11") };
    house.apply(at(1), Event::Session(locked));
    let told = Effect::Tell(notice("bobs", BOB, "b", Reason::Removed));
    assert_eq!(house.apply(at(2), token("b", Presence::Removed)), [told]);
    assert_eq!(house.deadline(), None);
}

#[test]
fn a_user_who_wants_nothing_is_only_told() {
    let mut house = house(policy(Action::Terminate));
    house.apply(at(0), Event::Preference(BOB, Some(Action::None)));
    let told = Effect::Tell(notice("bobs", BOB, "b", Reason::Removed));
    assert_eq!(house.apply(at(1), token("b", Presence::Removed)), [told]);
}

#[test]
fn a_token_that_comes_back_and_goes_again_counts_again() {
    let mut house = house(policy(Action::None));
    for second in [1, 3] {
        let told = Effect::Tell(notice("bobs", BOB, "b", Reason::Removed));
        assert_eq!(house.apply(at(second), token("b", Presence::Removed)), [told]);
        assert_eq!(house.apply(at(second + 1), token("b", Presence::Present)), []);
    }
}

#[test]
fn what_cannot_be_reached_is_not_removed() {
    let mut house = house(policy(Action::Terminate));
    assert_eq!(house.apply(at(1), token("a", Presence::Unreachable)), []);
    assert_eq!(house.deadline(), None);
    assert_eq!(house.apply(at(1_000_000), Event::Clock), []);
    assert_eq!(house.apply(at(1_000_001), token("a", Presence::Present)), []);
}

#[test]
fn what_cannot_be_reached_for_too_long_counts_where_the_administrator_says_so() {
    let patient = RemovalPolicy { unreachable: Some(at(60)), ..policy(Action::Terminate) };
    let mut house = house(patient);
    house.apply(at(10), token("b", Presence::Unreachable));
    assert_eq!(house.deadline(), Some(at(70)));
    // pcscd restarts again in the meantime: the same absence goes on.
    assert_eq!(house.apply(at(40), token("b", Presence::Unreachable)), []);
    assert_eq!(house.deadline(), Some(at(70)));
    assert_eq!(house.apply(at(50), token("b", Presence::Present)), []);
    assert_eq!(house.deadline(), None);
    house.apply(at(100), token("b", Presence::Unreachable));
    let ended = Effect::Terminate(notice("bobs", BOB, "b", Reason::Unreachable));
    assert_eq!(house.apply(at(160), Event::Clock), [ended]);
}

#[test]
fn nothing_ends_while_the_machine_sleeps_and_no_clock_runs() {
    let patient = RemovalPolicy { unreachable: Some(at(60)), ..policy(Action::Terminate) };
    let mut house = house(patient);
    house.apply(at(1), token("a", Presence::Unreachable));
    assert_eq!(house.apply(at(2), Event::Sleep), []);
    assert_eq!(house.deadline(), None);
    assert_eq!(house.apply(at(90), token("b", Presence::Removed)), []);
    assert_eq!(house.apply(at(91), token("b", Presence::Present)), []);
    assert_eq!(house.apply(at(100), Event::Clock), []);
    assert_eq!(house.apply(at(200), Event::Wake), []);
    assert_eq!(house.deadline(), Some(at(260)), "the time asleep is not counted");
    assert_eq!(house.apply(at(201), token("a", Presence::Present)), []);
    assert_eq!(house.deadline(), None);
}

#[test]
fn what_was_removed_while_the_machine_slept_counts_when_it_wakes() {
    let mut house = house(policy(Action::Terminate));
    house.apply(at(1), Event::Sleep);
    assert_eq!(house.apply(at(2), token("b", Presence::Removed)), []);
    let ended = Effect::Terminate(notice("bobs", BOB, "b", Reason::Removed));
    assert_eq!(house.apply(at(100), Event::Wake), [ended]);
}

#[test]
fn bindings_of_before_a_restart_count_and_void_ones_are_forgotten() {
    let other_boot = Binding { boot: "an earlier one".into(), ..binding("c1", ALICE, "a") };
    let other_session = Binding { started: 5, ..binding("tty", ALICE, "a") };
    let other_user = binding("bobs", ALICE, "a");
    let kept =
        vec![binding("desk", ALICE, "a"), other_boot, other_session, other_user, binding("c9", BOB, "b")];
    let mut house = Sessions::new(policy(Action::Terminate), BOOT.into(), kept);
    // The token was pulled while the service was down, and logind has not answered yet.
    assert_eq!(house.apply(at(1), token("a", Presence::Removed)), []);
    let all = vec![
        session("desk", ALICE, "x11"),
        session("tty", ALICE, "tty"),
        session("bobs", BOB, "x11"),
        session("c1", ALICE, "tty"),
    ];
    let mut effects = house.apply(at(2), Event::Sessions(all));
    let last = effects.pop();
    assert_eq!(last, Some(Effect::Terminate(notice("desk", ALICE, "a", Reason::Removed))));
    assert_eq!(effects, ["bobs", "c1", "c9", "tty"].map(|id| Effect::Forget(SessionId::new(id))));
}

#[test]
fn a_start_of_the_service_ends_nothing() {
    let kept = vec![binding("desk", ALICE, "a")];
    let mut house = Sessions::new(policy(Action::Terminate), BOOT.into(), kept);
    assert_eq!(house.tokens(), [TokenId::new("a")]);
    assert_eq!(house.apply(at(0), token("a", Presence::Unreachable)), []);
    assert_eq!(house.apply(at(0), Event::Sessions(vec![session("desk", ALICE, "x11")])), []);
    assert_eq!(house.apply(at(3), token("a", Presence::Present)), []);
}

#[test]
fn the_last_session_of_a_user_is_told_and_a_greeter_is_none() {
    let mut house = house(policy(Action::Lock));
    let greeter = Session { class: "greeter".into(), ..session("g", BOB, "x11") };
    house.apply(at(0), Event::Session(greeter));
    let bobs = SessionId::new("bobs");
    assert_eq!(
        house.apply(at(1), Event::Ended(bobs.clone())),
        [Effect::Forget(bobs), Effect::LastSessionEnded(BOB)]
    );
    assert_eq!(house.apply(at(1), Event::Ended(SessionId::new("g"))), []);
    for id in ["desk", "tty"] {
        assert_eq!(
            house.apply(at(2), Event::Ended(SessionId::new(id))),
            [Effect::Forget(SessionId::new(id))]
        );
    }
    let last = house.apply(at(3), Event::Ended(SessionId::new("free")));
    assert_eq!(last, [Effect::LastSessionEnded(ALICE)]);
}

#[test]
fn a_session_of_which_only_processes_are_left_is_nobodys() {
    let mut house = house(policy(Action::Terminate));
    let closing = Session { closing: true, ..session("bobs", BOB, "x11") };
    assert_eq!(house.apply(at(1), Event::Session(closing.clone())), [Effect::LastSessionEnded(BOB)]);
    assert_eq!(house.apply(at(1), Event::Session(closing)), [], "it is told once");
    // What is left of it still ends with its token.
    let ended = Effect::Terminate(notice("bobs", BOB, "b", Reason::Removed));
    assert_eq!(house.apply(at(2), token("b", Presence::Removed)), [ended]);
    // Alice locks her screens; a terminal that she left with something running in it keeps no key usable.
    for id in ["desk", "free"] {
        let kind = if id == "desk" { "x11" } else { "wayland" };
        house.apply(at(3), Event::Session(Session { locked: true, ..session(id, ALICE, kind) }));
    }
    assert!(!house.is_frozen(ALICE));
    house.apply(at(4), Event::Session(Session { closing: true, ..session("tty", ALICE, "tty") }));
    assert!(house.is_frozen(ALICE));
}

#[test]
fn a_terminal_that_says_it_is_locked_ends_all_the_same() {
    let mut house = house(policy(Action::Lock));
    house.apply(at(1), Event::Session(Session { locked: true, ..session("tty", ALICE, "tty") }));
    let effects = house.apply(at(2), token("a", Presence::Removed));
    assert!(effects.contains(&Effect::Terminate(notice("tty", ALICE, "a", Reason::Removed))), "{effects:?}");
}

#[test]
fn where_nobody_says_which_boot_it_is_the_start_of_the_session_tells() {
    let kept = vec![Binding { boot: String::new(), ..binding("desk", ALICE, "a") }];
    let mut house = Sessions::new(policy(Action::Terminate), BOOT.into(), kept);
    assert_eq!(house.apply(at(0), Event::Sessions(vec![session("desk", ALICE, "x11")])), []);
    assert!(house.binding(&SessionId::new("desk")).is_some());
    let later = Session { started: 7, ..session("desk", ALICE, "x11") };
    assert_eq!(house.apply(at(1), Event::Session(later)), [Effect::Forget(SessionId::new("desk"))]);
}

#[test]
fn sessions_that_ended_while_logind_was_away_are_noticed() {
    let mut house = house(policy(Action::Lock));
    let left = vec![session("desk", ALICE, "x11"), session("free", ALICE, "wayland")];
    let tty = Effect::Forget(SessionId::new("tty"));
    let bobs = Effect::Forget(SessionId::new("bobs"));
    assert_eq!(house.apply(at(1), Event::Sessions(left)), [bobs, Effect::LastSessionEnded(BOB), tty]);
}

#[test]
fn a_binding_to_a_token_that_is_gone_already_counts_at_once() {
    let mut house = house(policy(Action::Terminate));
    house.apply(at(1), Event::Bound(binding("free", ALICE, "c")));
    let ended = Effect::Terminate(notice("free", ALICE, "c", Reason::Removed));
    assert_eq!(house.apply(at(1), token("c", Presence::Removed)), [ended]);
}

#[test]
fn a_released_session_goes_on_without_its_token() {
    let mut house = house(policy(Action::Terminate));
    let bobs = SessionId::new("bobs");
    assert_eq!(house.apply(at(1), Event::Released(bobs.clone())), [Effect::Forget(bobs)]);
    assert_eq!(house.apply(at(2), token("b", Presence::Removed)), []);
}

#[test]
fn keys_freeze_while_every_session_of_their_user_is_locked() {
    let mut house = house(policy(Action::Lock));
    assert_eq!(house.frozen(), []);
    let lock = |id, uid, kind, locked| Event::Session(Session { locked, ..session(id, uid, kind) });
    house.apply(at(1), lock("bobs", BOB, "x11", true));
    assert_eq!(house.frozen(), [BOB]);
    house.apply(at(1), lock("desk", ALICE, "x11", true));
    house.apply(at(1), lock("free", ALICE, "wayland", true));
    assert_eq!(house.frozen(), [BOB], "alice's terminal is open");
    house.apply(at(2), Event::Ended(SessionId::new("tty")));
    assert_eq!(house.frozen(), [ALICE, BOB]);
    // The hint of what cannot be locked says nothing.
    house.apply(at(3), lock("tty2", BOB, "tty", true));
    assert_eq!(house.frozen(), [ALICE]);
    house.apply(at(3), lock("free", ALICE, "wayland", false));
    assert!(!house.is_frozen(ALICE) && !house.is_frozen(4711));
}

#[test]
fn what_would_happen_is_what_happens() {
    let mut house = house(policy(Action::Lock));
    let of = |house: &Sessions, id| house.session(&SessionId::new(id)).map(|session| house.action(session));
    assert_eq!(of(&house, "desk"), Some(Action::Lock));
    assert_eq!(of(&house, "tty"), Some(Action::Terminate), "it cannot be locked");
    house.apply(at(0), Event::Preference(ALICE, Some(Action::None)));
    assert_eq!(of(&house, "tty"), Some(Action::None));
    house.apply(at(0), Event::Preference(ALICE, None));
    assert_eq!(of(&house, "desk"), Some(Action::Lock));
}

#[test]
fn a_missing_phone_is_told_to_those_whose_session_would_end_and_taken_back_when_it_returns() {
    let mut house = house(policy(Action::Lock));
    let missing = || Event::Missing(TokenId::new("a"), at(15));
    assert_eq!(house.apply(at(1), token("a", Presence::Unreachable)), []);
    let told = [("desk", Action::Lock), ("tty", Action::Terminate)];
    let warned =
        told.map(|(id, action)| Effect::Warn(notice(id, ALICE, "a", Reason::Missing), action, at(15)));
    assert_eq!(house.apply(at(1), missing()), warned);
    assert_eq!(house.apply(at(2), missing()), [], "it is told once");
    let returned = ["desk", "tty"].map(|id| Effect::Relieve(notice(id, ALICE, "a", Reason::Returned)));
    assert_eq!(house.apply(at(3), Event::Returned(TokenId::new("a"))), returned);
    assert_eq!(house.apply(at(3), Event::Returned(TokenId::new("a"))), [], "nobody is warned any more");
    assert_eq!(house.apply(at(4), missing()), warned, "and may be warned again");
}

#[test]
fn what_was_announced_and_happened_is_not_taken_back() {
    let mut house = house(policy(Action::Terminate));
    assert_eq!(house.apply(at(1), Event::Missing(TokenId::new("a"), at(15))).len(), 2);
    let ended = house.apply(at(16), token("a", Presence::Removed));
    assert_eq!(ended, ["desk", "tty"].map(|id| Effect::Terminate(notice(id, ALICE, "a", Reason::Removed))));
    assert_eq!(house.apply(at(17), Event::Returned(TokenId::new("a"))), []);
}

#[test]
fn nobody_is_warned_of_nothing() {
    let mut careless = house(policy(Action::None));
    assert_eq!(careless.apply(at(1), Event::Missing(TokenId::new("a"), at(15))), []);
    let mut unknown = Sessions::new(policy(Action::Lock), BOOT.into(), vec![binding("desk", ALICE, "a")]);
    assert_eq!(
        unknown.apply(at(1), Event::Missing(TokenId::new("a"), at(15))),
        [],
        "no session is known yet"
    );
    let mut asleep = house(policy(Action::Lock));
    asleep.apply(at(1), Event::Sleep);
    assert_eq!(asleep.apply(at(1), Event::Missing(TokenId::new("a"), at(15))), []);
    let mut locked = house(policy(Action::Lock));
    locked.apply(at(1), Event::Session(Session { locked: true, ..session("desk", ALICE, "x11") }));
    let told = locked.apply(at(1), Event::Missing(TokenId::new("a"), at(15)));
    let tty = notice("tty", ALICE, "a", Reason::Missing);
    assert_eq!(
        told,
        [Effect::Warn(tty, Action::Terminate, at(15))],
        "a screen that is locked is as it should be"
    );
}
