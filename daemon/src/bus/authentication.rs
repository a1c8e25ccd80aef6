use claviger_core::Refusal;
use claviger_dbus::wire::{AuthenticateOptions, Means, PrepareOptions};
use claviger_dbus::{CallError, names, steers};
use claviger_token::{TokenId, TokenKind};
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::parse::invalid;
use crate::accounts::login::{Occasion, Offer, Proof, Wish, claim};
use crate::callers::Peer;
use crate::secrets;

/// `org.claviger.KeyStore1.Authentication`: login by challenge and response. It is served on the bus alone.
pub struct AuthenticationFace(pub Door);

#[zbus::interface(name = "org.claviger.KeyStore1.Authentication", introspection_docs = false)]
impl AuthenticationFace {
    #[zbus(out_args("means"))]
    async fn prepare(
        &self,
        uid: u32,
        options: PrepareOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Means, CallError> {
        let Self(door) = self;
        door.call(&header, "prepare a login", None, async |peer| {
            let (wish, _) = self.parse(options, uid, peer).await?;
            let visit = door.service.visit(peer).await?;
            let Offer { token, kind, name, pin_pad, tries_left } =
                claim(&door.service, visit, uid).await?.offer(&wish).await?;
            Ok(Means { token: token.to_string(), kind: kind.name().to_owned(), name, pin_pad, tries_left })
        })
        .await
    }

    #[zbus(out_args("authentication"))]
    async fn authenticate(
        &self,
        uid: u32,
        secret: OwnedFd,
        options: AuthenticateOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String, CallError> {
        let Self(door) = self;
        let AuthenticateOptions {
            token,
            pin_pad,
            location,
            service,
            tty,
            remote_host,
            requesting_user,
            timeout_ms,
        } = options;
        let options = PrepareOptions { location, service, tty, remote_host, requesting_user };
        door.call(&header, "log in", timeout_ms, async |peer| {
            let (wish, occasion) = self.parse(options, uid, peer).await?;
            let wish = Wish { token: token.map(TokenId::new), ..wish };
            let visit = door.service.visit(peer).await?;
            // Before the secret is read: nobody who may not ask makes the service wait for one.
            let claim = claim(&door.service, visit, uid).await?;
            let proof = if pin_pad == Some(true) {
                secrets::read_nothing(secret.into()).await.map(|()| Proof::PinPad)?
            } else {
                Proof::Secret(secrets::read(secret.into(), names::SECRET_LIMIT).await?)
            };
            claim.authenticate(wish, proof, occasion).await
        })
        .await
    }
}

impl AuthenticationFace {
    /// Returns what is wished for and where the person is. Programs say where: PAM's remote host. Where they run says it
    /// too, for `su` in a session from afar knows of no remote host.
    async fn parse(
        &self,
        options: PrepareOptions,
        uid: u32,
        peer: &Peer,
    ) -> Result<(Wish, Occasion), Refusal> {
        let PrepareOptions { location, service, tty, remote_host, requesting_user } = options;
        let Self(door) = self;
        let location = location.map(|name| self::location(&name)).transpose()?;
        // By what was sent: a name of which nothing is left to show is another machine's all the same.
        let surroundings = door.service.surroundings(peer, uid).await;
        let remote = remote_host.as_ref().is_some_and(|host| !host.is_empty()) || surroundings.remote;
        let no_cards = remote && !door.service.config.login.remote_cards;
        let no_phones = remote && !door.service.config.login.remote_phones;
        let occasion = Occasion {
            service: shown("service", service)?,
            tty: shown("tty", tty)?,
            remote_host: shown("remote-host", remote_host)?,
            requesting_user: shown("requesting-user", requesting_user)?,
        };
        let no_pin_pads = surroundings.foreign;
        Ok((Wish { location, token: None, no_cards, no_phones, remote, no_pin_pads }, occasion))
    }
}

fn location(name: &str) -> Result<TokenKind, Refusal> {
    TokenKind::from_name(name)
        .ok_or_else(|| invalid(format!("{name:?} is no location for a login; there are local, card, phone")))
}

/// Returns a text as it may stand in a journal and before people: without what steers a terminal or turns the direction of
/// writing.
fn shown(name: &str, text: Option<String>) -> Result<String, Refusal> {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST {
        return Err(invalid(format!("{name} has more than {LONGEST} characters")));
    }
    Ok(text.chars().filter(|letter| !steers(*letter)).collect())
}

/// The most characters of a text that says where somebody is.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::{location, shown};

    #[test]
    fn what_steers_a_terminal_is_left_out_and_what_is_too_long_refused() {
        let text = |text: &str| shown("tty", Some(text.to_owned()));
        assert_eq!(text("tty1"), Ok("tty1".to_owned()));
        assert_eq!(
            text("\u{1b}[2Jgr\u{fc}n\r\n\u{202e}x\u{2069}\u{7f}\u{9b}"),
            Ok("[2Jgr\u{fc}nx".to_owned())
        );
        assert_eq!(shown("tty", None), Ok(String::new()));
        assert_eq!(text(&"\u{fc}".repeat(256)).map(|text| text.chars().count()), Ok(256));
        assert!(text(&"x".repeat(257)).is_err());
    }

    #[test]
    fn people_log_in_with_every_kind_of_token_that_there_is() {
        assert!(location("local").is_ok() && location("card").is_ok() && location("phone").is_ok());
        assert!(location("sim").is_err() && location("").is_err());
    }
}
