//! The proof by pass phrase: it opens the local store, and a key in there signs.

use std::sync::Arc;

use claviger_core::{Key, Placement, Refusal};
use claviger_soft::{DataKey, SoftToken};
use claviger_token::{Secret, Token, TokenId};

use super::Claim;
use crate::accounts::guess::{Attempt, Counter, outcome, refusal};
use crate::accounts::passphrase::{Opened, admit};
use crate::accounts::registration::slots_of;
use crate::accounts::statement::Statement;
use crate::operation::Thread;
use crate::pipeline::perform;
use crate::table::Account;

/// Opens the local store with this pass phrase, and no other way; it is unlocked for its user then.
pub(super) async fn prove(
    claim: &Claim,
    account: &Account,
    key: Option<(&Key, &Placement)>,
    passphrase: Secret,
) -> Result<TokenId, Refusal> {
    let Claim { service, seat, caller, .. } = claim;
    let slots = slots_of(&account.user)?;
    let _turn = seat.login.lock().await;
    let attempt = Attempt::begin(service, seat, Counter::Login).await?;
    let derivation = service.derivation_for_login().await?;
    let (sealed, host) = (Arc::clone(&slots), service.accounts.host().cloned());
    let open = move |cost| Opened::by_passphrase(&sealed, &passphrase, host.as_deref(), cost);
    let opened = derivation.run(open).await?;
    attempt.end(service, seat, outcome(&opened)).await?;
    let opened = opened.map_err(refusal)?;
    if let Some((key, place)) = key {
        sign(claim, key, place, opened.data_key.clone()).await?;
    }
    // Only now: whoever is at the prompt must not hold up what the user does to the account.
    let _change = seat.change.lock().await;
    let account = seat.own(&service.table, caller).await?;
    if account.user.slots.as_ref() != Some(&slots) {
        // It was changed meanwhile: this pass phrase is an old one.
        return Err(Refusal::WrongPassphrase);
    }
    admit(service, seat, opened, service.config.idle).await?;
    Ok(seat.token.id().clone())
}

/// Has the key sign, in a store of its own: the user's is not unlocked before all is in order.
async fn sign(claim: &Claim, key: &Key, place: &Placement, data_key: DataKey) -> Result<(), Refusal> {
    let Claim { service, seat, .. } = claim;
    let store = Arc::new(SoftToken::new(seat.token.id().clone(), service.accounts.host().cloned()));
    store.admit(data_key);
    let statement = Statement::of_login(seat.uid)?;
    let operation = statement.ask(&key.handle(place), &store.capabilities())?;
    let output = perform(service, seat.uid, Thread::Shared, store as Arc<dyn Token>, operation).await?;
    if statement.is_signed(&key.info, &output)? {
        return Ok(());
    }
    Err(Refusal::StoreCorrupt("a local key is another than its public key says".into()))
}
