//! For whom an operation is done, as a token with a screen shows it.

use std::borrow::Cow;
use std::sync::Arc;

use claviger_core::Request;
use claviger_core::policy::Caller;
use claviger_dbus::steers;
use claviger_token::{Errand, Purpose, Token, TokenKind};

use crate::callers::Peer;
use crate::service::Service;

/// Returns the token as one that knows for whom it works, where it shows that to anybody.
pub(crate) async fn on_behalf(
    service: &Service,
    (peer, caller): (&Peer, &Caller),
    token: Arc<dyn Token>,
    purpose: &str,
) -> Arc<dyn Token> {
    match token.kind() {
        TokenKind::Local | TokenKind::Card => token,
        // Boxed: who has another token need not carry it.
        TokenKind::Phone => token.on_behalf_of(Box::pin(errand(service, (peer, caller), purpose)).await),
    }
}

/// Returns for whom a peer's request is done. The program is what the process says that it is called, which proves
/// nothing: a phone shows it as something that this computer says.
pub(crate) async fn errand(service: &Service, (peer, caller): (&Peer, &Caller), purpose: &str) -> Errand {
    Errand {
        user: caller.user_name.clone(),
        application: application(service, peer).await,
        purpose: purpose.to_owned(),
    }
}

/// Returns what the peer's process says that it is called; empty where nobody knows the process.
pub(crate) async fn application(service: &Service, peer: &Peer) -> String {
    match service.process_of(&peer.name).await {
        Some(process) => program(process),
        None => String::new(),
    }
}

/// Returns the errand of the service itself, or of a program that it has no bus name of.
pub(crate) fn own_errand(user: &str, application: impl Into<String>, purpose: &str) -> Errand {
    Errand { user: user.to_owned(), application: application.into(), purpose: purpose.to_owned() }
}

/// Returns what people call a process: its name, where this service may see it, and its number.
fn program(process: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    let name: String = name.trim_end().chars().filter(|letter| !steers(*letter)).collect();
    if name.is_empty() { format!("process {process}") } else { format!("{name} (process {process})") }
}

/// Returns a purpose with what the program says of it, up to the end of the text.
pub(crate) fn with_reason<'a>(purpose: &'a str, request: &Request) -> Cow<'a, str> {
    match &request.reason {
        Some(reason) => Cow::Owned(format!("{purpose}; the program says: {reason}")),
        None => Cow::Borrowed(purpose),
    }
}

/// Returns the word for it in a prompt and in an errand, where an encapsulated secret is told from an agreed one.
pub(crate) const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Sign => "sign",
        Purpose::Decrypt => "decrypt",
        Purpose::Derive => "derive",
        Purpose::Decapsulate => "decapsulate",
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_process_is_called_by_its_name_and_one_that_is_gone_by_its_number() {
        let own = program(std::process::id());
        assert!(own.ends_with(&format!("(process {})", std::process::id())) && own.len() > 12, "{own}");
        // Beyond the kernel's greatest process number.
        assert_eq!(program(4_194_305), "process 4194305");
    }
}
