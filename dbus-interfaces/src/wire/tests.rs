use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_bytes::ByteBuf;
use zbus::wire::{LE, serialized::Context, to_bytes};
use zbus::{OwnedVariant, Variant};

use super::{
    AccountRow, EnrolOptions, KeyRow, NoOptions, SignOptions, TokenKeyRow, TokenRow, TokenState,
    UnlockTokenOptions,
};

type Dict = BTreeMap<&'static str, Variant<'static>>;

fn reencode<T: serde::de::DeserializeOwned + zbus::Type>(
    value: &(impl serde::Serialize + zbus::DynamicType),
) -> zbus::Result<T> {
    to_bytes(Context::new(LE, 0), value)?.deserialize::<T>().map(|(value, _)| value)
}

#[test]
fn options_are_read_back_and_absent_ones_stay_absent() -> zbus::Result<()> {
    let options = SignOptions {
        salt_length: Some(32),
        context: Some(ByteBuf::from(vec![1, 2, 3])),
        no_prompt: Some(true),
        ..SignOptions::default()
    };
    assert_eq!(reencode::<SignOptions>(&options)?, options);
    assert_eq!(reencode::<SignOptions>(&NoOptions {})?, SignOptions::default());

    let keys: Vec<_> = reencode::<BTreeMap<String, OwnedVariant>>(&options)?.into_keys().collect();
    assert_eq!(keys, ["context", "no-prompt", "salt-length"]);
    Ok(())
}

#[test]
fn unknown_and_wrongly_typed_options_are_refused() {
    let unknown: Dict = [("colour", Variant::from("red"))].into();
    assert!(reencode::<SignOptions>(&unknown).is_err());
    assert!(reencode::<NoOptions>(&unknown).is_err());
    let wrong: Dict = [("salt-length", Variant::from("32"))].into();
    assert!(reencode::<SignOptions>(&wrong).is_err());
}

#[test]
fn an_option_given_twice_is_refused() -> zbus::Result<()> {
    // A map cannot hold a key twice: two of one length are written, then one is renamed in the bytes.
    let twice: Dict = [("format", Variant::from("raw")), ("gormat", Variant::from("raw"))].into();
    let mut bytes = to_bytes(Context::new(LE, 0), &twice)?.to_vec();
    let place = bytes.windows(6).position(|window| window == b"gormat").expect("it was just written");
    bytes[place] = b'f';
    let data = zbus::wire::serialized::Data::new(bytes, Context::new(LE, 0));
    assert!(data.deserialize::<SignOptions>().is_err());
    Ok(())
}

#[test]
fn rows_are_read_back_and_pass_over_what_is_new() -> zbus::Result<()> {
    let account = AccountRow {
        uid: 1000,
        state: "active".to_owned(),
        unlocked_until: Some(1_800_000_000),
        defaults: [("sign".to_owned(), "00ff".to_owned())].into(),
        ..AccountRow::default()
    };
    assert_eq!(reencode::<AccountRow>(&account)?, account);

    let key = KeyRow { public_key: ByteBuf::from(vec![0x30]), ..KeyRow::default() };
    let mut newer: BTreeMap<String, OwnedVariant> = reencode(&key)?;
    newer.insert("colour".to_owned(), OwnedVariant::try_from(Variant::from("red"))?);
    assert_eq!(reencode::<KeyRow>(&newer)?, key);
    Ok(())
}

#[test]
fn a_token_is_read_back_with_its_keys() -> zbus::Result<()> {
    let key = TokenKeyRow {
        slot: "9a".to_owned(),
        public_key: ByteBuf::from(vec![0x30, 0x00]),
        certificates: vec![ByteBuf::from(vec![0x30]), ByteBuf::from(vec![0x31])],
        ..TokenKeyRow::default()
    };
    let token = TokenRow { tries_left: Some(3), keys: Some(vec![key]), ..TokenRow::default() };
    assert_eq!(reencode::<TokenRow>(&token)?, token);
    let listed = TokenRow { keys: None, ..token };
    assert_eq!(reencode::<TokenRow>(&listed)?, listed);
    Ok(())
}

#[test]
fn what_a_token_is_now_may_be_nothing() -> zbus::Result<()> {
    assert_eq!(reencode::<TokenState>(&NoOptions {})?, TokenState::default());
    let state = TokenState { presence: Some("removed".to_owned()), locked: Some(true) };
    assert_eq!(reencode::<TokenState>(&state)?, state);
    Ok(())
}

#[test]
fn a_pin_travels_as_a_descriptor_and_as_nothing_else() -> zbus::Result<()> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let options = EnrolOptions {
        pin: Some(OwnedFd::from(theirs).into()),
        default: Some(true),
        ..EnrolOptions::default()
    };
    let received: EnrolOptions = reencode(&options)?;
    assert_eq!((received.default, received.last_try), (Some(true), None));
    ours.write_all(b"123456")?;
    drop((ours, options));
    let mut pin = Vec::new();
    let descriptor: OwnedFd = received.pin.expect("a descriptor").into();
    UnixStream::from(descriptor).read_to_end(&mut pin)?;
    assert_eq!(pin, b"123456");

    for wrong in [Variant::from("123456"), Variant::from(3_u32), Variant::from(vec![1_u8])] {
        let options: Dict = [("pin", wrong)].into();
        assert!(reencode::<EnrolOptions>(&options).is_err());
        assert!(reencode::<UnlockTokenOptions>(&options).is_err());
    }
    Ok(())
}
