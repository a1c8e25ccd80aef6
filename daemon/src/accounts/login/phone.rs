//! The proof by phone: its person says yes to this login, and its key signs.

use std::sync::Arc;
use std::time::Instant;

use claviger_core::{Key, Placement, Refusal};
use claviger_phone_token::PhoneToken;
use claviger_token::{Errand, KeyHandle, Token, TokenError, TokenId, TokenOutput};

use super::patience::Whence;
use super::{Claim, Occasion};
use crate::accounts::phones::{follow_unlocked, log_in, of_phone};
use crate::accounts::statement::Statement;
use crate::errand::own_errand;

/// Has the phone ask its person, with who logs in where, and sign with the key as the table has it.
pub(super) async fn prove(
    claim: &Claim,
    key: &Key,
    place: &Placement,
    (occasion, whence): (&Occasion, Whence),
) -> Result<TokenId, Refusal> {
    let Claim { service, seat, caller, .. } = claim;
    let pause = service.config.login.phone_pause;
    let asking = service.accounts.logins.patience.begin((seat.uid, whence), Instant::now(), pause)?;
    let phone = seat.phone(&place.token)?;
    let errand = own_errand(&caller.user_name, told(occasion), "login");
    let handle = key.handle(place);
    let outcome = async {
        let statement = Statement::of_login(seat.uid)?;
        let output = sign(claim, (&phone, &handle), &statement, errand).await?;
        if statement.is_signed(&key.info, &output).map_err(of_login)? {
            return Ok(place.token.clone());
        }
        Err(Refusal::WrongToken("the phone has another private key than the one that was enrolled".into()))
    }
    .await;
    asking.ended(&outcome);
    outcome
}

/// Has the phone sign the statement. Where it was locked from here its person says with the same yes that it may be used again;
/// a phone that wants two answers for that gets two questions.
async fn sign(
    claim: &Claim,
    (phone, key): (&Arc<PhoneToken>, &KeyHandle),
    statement: &Statement,
    errand: Errand,
) -> Result<TokenOutput, Refusal> {
    let Claim { service, seat, .. } = claim;
    let idle = service.config.idle;
    let operation = || statement.ask(key, &phone.capabilities()).map_err(of_login);
    if !phone.is_ready(key) {
        match phone.sign_to_log_in(operation()?, errand.clone()).await {
            Ok(output) => {
                follow_unlocked(service, seat, phone, idle);
                return Ok(output);
            }
            Err(TokenError::Locked) => log_in(service, seat, phone, (errand.clone(), idle)).await?,
            Err(error) => return Err(of_login(error)),
        }
    }
    let view = Arc::clone(phone).on_behalf_of(errand);
    view.perform(operation()?).await.map_err(of_login)
}

/// Returns what the phone shows of where somebody logs in: what the program that asks says.
fn told(occasion: &Occasion) -> String {
    let Occasion { service, tty, remote_host, requesting_user } = occasion;
    let parts = [("", service), ("from ", remote_host), ("on ", tty), ("asked by ", requesting_user)];
    let told: Vec<_> = parts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(word, text)| format!("{word}{text}"))
        .collect();
    told.join(", ")
}

fn of_login(error: TokenError) -> Refusal {
    match error {
        TokenError::NoSuchKey => Refusal::WrongToken("the phone has no key where one was enrolled".into()),
        other => of_phone(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Occasion, told};

    #[test]
    fn the_phone_shows_where_somebody_logs_in() {
        let sshd = Occasion {
            service: "sshd".to_owned(),
            remote_host: "192.0.2.7".to_owned(),
            tty: "ssh".to_owned(),
            ..Occasion::default()
        };
        assert_eq!(told(&sshd), "sshd, from 192.0.2.7, on ssh");
        let su = Occasion {
            service: "su".to_owned(),
            tty: "pts/3".to_owned(),
            requesting_user: "bob".to_owned(),
            ..Occasion::default()
        };
        assert_eq!(told(&su), "su, on pts/3, asked by bob");
        assert_eq!(told(&Occasion::default()), "");
    }
}
