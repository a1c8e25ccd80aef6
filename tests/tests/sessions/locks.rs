//! A token is pulled and the session is to lock: the screen that locks, the one that does not, and who decides.

use claviger_tests::lab::{Door, Guest, Login, Running};
use claviger_tests::pcsc::Kind;

use super::scene::{
    ENDS, LOCKS, STAYS_OPEN, TOLD, about, bind, configure, enrol, micros, nothing_about, unlock,
    until_all_are,
};

/// A screen locker: says that the screen is locked when logind wants it to be.
async fn locker(session: &mut Login<'_>) -> Running {
    let line = "path=$(busctl --system call org.freedesktop.login1 /org/freedesktop/login1 \
                org.freedesktop.login1.Manager GetSession s \"$XDG_SESSION_ID\" | cut -d '\"' -f 2)
        dbus-monitor --system \"type=signal,path=$path,interface=org.freedesktop.login1.Session,member=Lock\" \
                              \"type=signal,member=NameAcquired\" |
        while read -r line; do
            case $line in
            *member=NameAcquired*) echo begun ;;
            *member=Lock*) busctl --system call org.freedesktop.login1 \"$path\" \
                org.freedesktop.login1.Session SetLockedHint b true ;;
            esac
        done";
    let mut locker = session.start(line).await;
    locker.hear("begun").await;
    locker
}

#[tokio::test]
async fn a_screen_that_locks_stays_one_that_does_not_ends_and_an_unbound_one_stays_open() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut locks = guest.log_in("alice", Door::Seat).await;
    let mut ignores = guest.log_in("alice", Door::Seat).await;
    let mut unbound = guest.log_in("alice", Door::Seat).await;
    let _lockers = (locker(&mut locks).await, locker(&mut unbound).await);
    enrol(&mut locks).await;
    bind(&mut locks).await;
    bind(&mut ignores).await;

    card.remove_noticed();
    guest.until(&format!("loginctl show-session {} | grep -qx LockedHint=yes", locks.id())).await;
    ignores.ended().await;
    // That was when the time of both was over.
    assert_eq!(locks.run("echo here").await.text(), "here");
    assert_eq!(unbound.run("echo here").await.text(), "here");
    assert!(!unbound.session().await.unwrap().locked_hint);
    let asked = about(&guest, LOCKS, ignores.id()).await;
    let ended = about(&guest, ENDS, ignores.id()).await;
    assert_eq!((asked.len(), ended.len()), (1, 1), "{asked:#?} {ended:#?}");
    assert_eq!((&asked[0]["ACTION"], &ended[0]["ACTION"]), (&"lock".into(), &"terminate".into()));
    let patience = micros(&ended[0]) - micros(&asked[0]);
    assert!((4_900_000..7_000_000).contains(&patience), "it had {patience} us to lock");
    assert_eq!(about(&guest, LOCKS, locks.id()).await.len(), 1);
    assert!(nothing_about(&guest, ENDS, locks.id()).await);
    assert!(nothing_about(&guest, LOCKS, unbound.id()).await);

    // A card that is back unlocks nothing, and one that goes while the screen is locked locks nothing anew.
    card.put_back();
    until_all_are(&guest, "present").await;
    assert!(locks.session().await.unwrap().locked_hint);
    card.remove_noticed();
    assert_eq!(about(&guest, TOLD, locks.id()).await.len(), 1);
    assert_eq!(about(&guest, LOCKS, locks.id()).await.len(), 1);
    assert_eq!(locks.run("echo here").await.text(), "here");
}

#[tokio::test]
async fn what_cannot_or_does_not_lock_stays_open_where_the_administrator_says_so_and_is_told_aloud() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    configure(&guest, "[removal]\nremote = \"lock\"\nescalation = \"none\"\nconfirmation = \"1s\"").await;
    let mut card = guest.card(0, Kind::Piv);
    let mut seat = guest.log_in("alice", Door::Seat).await;
    let mut console = guest.log_in("alice", Door::Console).await;
    let mut ssh = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut seat).await;
    for session in [&mut seat, &mut console, &mut ssh] {
        bind(session).await;
    }
    card.remove_noticed();
    for session in [&mut seat, &mut console, &mut ssh] {
        let told = about(&guest, STAYS_OPEN, session.id()).await;
        assert_eq!(told.len(), 1, "{told:#?}");
        // Warnings stand out.
        assert!(told[0]["PRIORITY"].as_str().unwrap().parse::<u8>().unwrap() <= 4, "{told:#?}");
        assert_eq!(session.run("echo here").await.text(), "here");
        assert!(nothing_about(&guest, ENDS, session.id()).await);
    }
    assert_eq!(about(&guest, LOCKS, seat.id()).await.len(), 1);
    assert!(nothing_about(&guest, LOCKS, console.id()).await, "a terminal cannot lock");
}

/// Lets everybody set what follows a removal.
async fn ask_nobody(guest: &Guest) {
    let rule = "polkit.addRule(function (action, subject) {
        if (action.id.indexOf('org.claviger.keystore1.') == 0) return polkit.Result.YES;
    });";
    guest.write("/etc/polkit-1/rules.d/10-scene.rules", 0o644, rule);
    guest.systemctl("restart polkit").await.ok();
}

#[tokio::test]
async fn at_this_machine_and_from_afar_are_apart_and_the_user_decides_above_both() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    ask_nobody(&guest).await;
    configure(&guest, "[removal]\nlocal = \"none\"").await;
    let mut card = guest.card(0, Kind::Piv);
    let mut here = guest.log_in("alice", Door::Console).await;
    let mut afar = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut here).await;
    bind(&mut here).await;
    bind(&mut afar).await;
    card.remove_noticed();
    afar.ended().await;
    let told = about(&guest, TOLD, here.id()).await;
    assert_eq!((&told[0]["ACTION"], &told[0]["REASON"]), (&"none".into(), &"removed".into()));
    assert_eq!(here.run("echo here").await.text(), "here");

    // The other way round, by the user's own wish.
    card.put_back();
    until_all_are(&guest, "present").await;
    here.run("claviger removal none").await.ok();
    let mut afar = guest.log_in("alice", Door::Ssh).await;
    unlock(&mut afar).await;
    bind(&mut afar).await;
    card.remove_noticed();
    about(&guest, TOLD, afar.id()).await;
    assert_eq!(about(&guest, TOLD, here.id()).await.len(), 2);
    assert_eq!(afar.run("echo here").await.text(), "here");
    assert_eq!(here.run("echo here").await.text(), "here");

    card.put_back();
    until_all_are(&guest, "present").await;
    here.run("claviger removal terminate").await.ok();
    card.remove_noticed();
    here.ended().await;
    afar.ended().await;
}

#[tokio::test]
async fn no_user_wants_less_than_the_administrators_floor() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    ask_nobody(&guest).await;
    let mut card = guest.card(0, Kind::Piv);
    let mut here = guest.log_in("alice", Door::Console).await;
    let mut afar = guest.log_in("alice", Door::Ssh).await;
    let mut unbound = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut here).await;
    here.run("claviger removal none").await.ok();
    bind(&mut here).await;
    bind(&mut afar).await;
    card.remove_noticed();
    about(&guest, TOLD, here.id()).await;
    about(&guest, TOLD, afar.id()).await;

    card.put_back();
    until_all_are(&guest, "present").await;
    configure(&guest, "[removal]\nfloor = \"terminate\"").await;
    until_all_are(&guest, "present").await;
    assert_eq!(here.run("echo here").await.text(), "here");
    card.remove_noticed();
    here.ended().await;
    afar.ended().await;
    assert_eq!(unbound.run("echo here").await.text(), "here");
}
