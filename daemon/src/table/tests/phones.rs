use claviger_core::{EnrolledToken, Placement, PlacementState};
use claviger_token::{Secret, TokenId, TokenKind};

use super::{account, id, key, open, raw, reopen, two_users};
use crate::table::store::DATABASE;
use crate::table::{Existing, Phone, Table, TableError};

/// A private key that is found again, wherever it stands in a file.
const HOST_KEY: &[u8; 32] = b"<the host's static private key!>";

fn phone(uid: u32, letter: char) -> Phone {
    Phone {
        uid,
        token: EnrolledToken {
            id: TokenId::new(format!("phone:{}", letter.to_string().repeat(32))),
            kind: TokenKind::Phone,
            name: format!("phone {letter}"),
            created: 1_700_000_300,
        },
        model: "Linux".into(),
        host_key: Secret::new(HOST_KEY.to_vec()),
        phone_key: [7; 32],
        links: vec!["bluetooth:00:AA:01:00:00:42".into(), "serial:/dev/ttyACM0".into()],
        info: None,
    }
}

fn on_phone(letter: char, reference: &str) -> Placement {
    Placement {
        token: phone(0, letter).token.id,
        kind: TokenKind::Phone,
        reference: reference.into(),
        state: PlacementState::Current,
        record: None,
    }
}

async fn with_phone(folder: &std::path::Path) -> Table {
    let table = two_users(folder).await;
    let made = claviger_core::Key { placements: vec![on_phone('a', "k5")], ..key(1000, 5) };
    let also = vec![(id(1), on_phone('a', "k1"))];
    table.enrol_phone(phone(1000, 'a'), vec![made], also, None).await.unwrap();
    table
}

/// Returns the phones by what can be compared.
async fn phones(table: &Table) -> Vec<(u32, String, Vec<String>)> {
    let told = |phone: Phone| (phone.uid, phone.token.id.to_string(), phone.links);
    table.phones().await.unwrap().into_iter().map(told).collect()
}

/// Returns true where the host's private key stands somewhere in the table's files.
fn stands_in_a_file(folder: &std::path::Path) -> bool {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.any(|file| std::fs::read(file).unwrap().windows(HOST_KEY.len()).any(|window| window == HOST_KEY))
}

#[tokio::test]
async fn a_phone_comes_with_its_keys_and_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_phone(folder.path()).await;
    let table = reopen(table, folder.path()).await;
    let found = table.phones().await.unwrap();
    assert_eq!(found.len(), 1);
    let expected = phone(1000, 'a');
    assert_eq!((found[0].uid, &found[0].token), (1000, &expected.token));
    assert_eq!((found[0].host_key.expose(), found[0].phone_key), (HOST_KEY.as_slice(), [7; 32]));
    assert_eq!((&found[0].links, &found[0].model), (&expected.links, &expected.model));
    assert_eq!(found[0].info, None);
    let ways = table.phone_ways(&expected.token.id).await.unwrap();
    assert_eq!(ways, Some((expected.model.clone(), expected.links.clone())));
    assert_eq!(table.phone_ways(&phone(1000, 'b').token.id).await.unwrap(), None);
    table.set_phone_info(&expected.token.id, "what it said".into()).await.unwrap();
    assert_eq!(table.phones().await.unwrap()[0].info.as_deref(), Some("what it said"));
    let account = account(&table, 1000).await;
    assert_eq!(account.tokens, [expected.token]);
    assert_eq!(account.keys[0].placements[1], on_phone('a', "k1"));
    assert_eq!(account.keys[2].placements, [on_phone('a', "k5")]);
}

#[tokio::test]
async fn a_phone_of_another_user_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_phone(folder.path()).await;
    let refused = table.enrol_phone(phone(1001, 'a'), Vec::new(), Vec::new(), None).await;
    let token = phone(1000, 'a').token.id;
    assert!(
        matches!(&refused, Err(TableError::AlreadyExists(Existing::Token(id))) if *id == token),
        "{refused:?}"
    );
    assert_eq!(phones(&table).await[0].0, 1000);
}

#[tokio::test]
async fn a_phone_that_is_let_go_leaves_no_private_key_behind() {
    for how in ["forgotten", "revoked", "removed", "registered anew"] {
        let folder = tempfile::tempdir().unwrap();
        let table = with_phone(folder.path()).await;
        table.enrol_phone(phone(1001, 'b'), Vec::new(), Vec::new(), None).await.unwrap();
        table.forget_token(1001, &phone(1001, 'b').token.id, 9).await.unwrap();
        assert!(stands_in_a_file(folder.path()), "the control: this test sees a key that is there");
        match how {
            "forgotten" => drop(table.forget_token(1000, &phone(1000, 'a').token.id, 9).await.unwrap()),
            "revoked" => table.revoke_user(1000, 9).await.unwrap(),
            "removed" => table.remove_user(1000, 9).await.unwrap(),
            _ => table.replace_account(super::user(1000), Vec::new()).await.unwrap(),
        }
        assert!(phones(&table).await.is_empty(), "{how}");
        assert!(!stands_in_a_file(folder.path()), "{how}");
    }
}

#[tokio::test]
async fn a_damaged_phone_keeps_no_other_from_being_reached() {
    let folder = tempfile::tempdir().unwrap();
    let table = with_phone(folder.path()).await;
    table.enrol_phone(phone(1001, 'b'), Vec::new(), Vec::new(), None).await.unwrap();
    table.close().await;
    assert!(folder.path().join(DATABASE).exists());
    raw(folder.path()).execute("UPDATE phone SET host_key = x'00' WHERE token LIKE 'phone:a%'", []).unwrap();
    let table = open(folder.path());
    assert_eq!(phones(&table).await, [(1001, phone(1001, 'b').token.id.to_string(), phone(0, 'b').links)]);
}
