//! The certificates of the caller's keys.

use std::sync::Arc;

use claviger_core::{Key, Refusal, Selector};
use claviger_token::{Secret, TokenKind};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::Seat;
use super::cards::of_card;
use crate::callers::Visit;
use crate::errand::own_errand;
use crate::service::Service;
use crate::signals::Event;

/// Sets the certificate of a key, its own first and then its chain; none takes it away. It is kept in the table, and
/// written to the card beside the key where the card's administrator's secret is given. A phone that is there is given it
/// too; nobody waits for that.
pub async fn set(
    service: &Arc<Service>,
    visit: Visit,
    selector: Selector,
    certificates: Vec<Vec<u8>>,
    authority: Option<Secret>,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.opened(&service.table, &visit.caller).await?;
        let key = selector.find(&account.keys, &account.user.defaults, None)?;
        check(&certificates, key)?;
        if let Some(authority) = authority {
            let (placement, _) = seat.place(&account, key, None)?;
            if placement.kind != TokenKind::Card {
                return Err(Refusal::InvalidArguments(
                    "the key stands on no card: nobody's leave is needed".into(),
                ));
            }
            let own = certificates.first().cloned().unwrap_or_default();
            let token = seat.card(&placement.token)?;
            token.write_certificate(&placement.reference, own, Some(authority)).await.map_err(of_card)?;
        }
        let table = &service.table;
        seat.apply(table, table.set_certificates(seat.uid, key.id(), certificates.clone())).await?;
        give_to_phones(&service, &seat, key, &certificates, &Arc::new(visit));
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        Ok(())
    })
    .await
}

/// Puts certificates beside a key on the phones on which it stands and that are there. Until they have them this counts
/// among what the user has under way.
fn give_to_phones(service: &Service, seat: &Seat, key: &Key, certificates: &[Vec<u8>], visit: &Arc<Visit>) {
    for place in key.placements.iter().filter(|place| place.kind == TokenKind::Phone) {
        let Ok(phone) = seat.phone(&place.token) else { continue };
        let (place, certificates, visit) = (place.clone(), certificates.to_vec(), Arc::clone(visit));
        let errand = own_errand(&key.binding.user_name, "clavigerd", "certificate");
        drop(service.runtime.spawn(async move {
            if let Err(error) = phone.certify(&place.reference, certificates, errand).await {
                tracing::info!(token = %place.token, "the phone did not take a certificate: {error}");
            }
            drop(visit);
        }));
    }
}

/// Checks that every document is a certificate, that there are not too many, and that the first is the key's.
pub fn check(certificates: &[Vec<u8>], key: &Key) -> Result<(), Refusal> {
    let invalid = |why: String| Err(Refusal::DataInvalid(why.into()));
    if certificates.len() > MOST {
        return invalid(format!("a chain has at most {MOST} certificates"));
    }
    for (number, document) in certificates.iter().enumerate() {
        if document.len() > LONGEST {
            return invalid(format!("a certificate has at most {LONGEST} bytes"));
        }
        let public_key = match public_key(document) {
            Ok(public_key) => public_key,
            Err(error) => return invalid(format!("certificate {} is none: {error}", number + 1)),
        };
        if number == 0 && public_key != *key.info.public_key {
            return invalid("the certificate is of another key".into());
        }
    }
    Ok(())
}

/// Returns of what a card holds beside a key what is in order: nothing where the first is not the key's certificate.
pub(super) fn fitting(certificates: &[Vec<u8>], own: &[u8]) -> Vec<Vec<u8>> {
    let sound = |document: &Vec<u8>| (document.len() <= LONGEST).then(|| public_key(document).ok()).flatten();
    match certificates.first().and_then(sound) {
        Some(public_key) if public_key == own => {
            certificates.iter().take_while(|document| sound(document).is_some()).take(MOST).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the public key of a certificate, DER SubjectPublicKeyInfo.
fn public_key(document: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    Certificate::from_der(document)?.tbs_certificate().subject_public_key_info().to_der()
}

/// Asks the card how one of the caller's keys was made: DER certificates, the one that speaks of the key first.
pub async fn attest(service: &Service, visit: &Visit, selector: &Selector) -> Result<Vec<Vec<u8>>, Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let key = selector.find(&account.keys, &account.user.defaults, None)?;
    if !key.placements.iter().any(|placement| placement.kind == TokenKind::Card) {
        return Err(Refusal::NotSupported("attesting a key that stands on no card".into()));
    }
    let (placement, _) = seat.place(&account, key, None)?;
    let token = seat.card(&placement.token)?;
    token.attest(&placement.reference).await.map_err(of_card)
}

/// The most certificates of one key.
const MOST: usize = 10;
/// The most bytes of one certificate.
const LONGEST: usize = 16 * 1024;
