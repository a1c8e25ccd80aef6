use std::sync::Arc;

use claviger_token::{
    Capabilities, Errand, KeyHandle, Pace, Performing, Presence, Token, TokenId, TokenKind, TokenOp,
};

use crate::PhoneToken;

/// A phone that knows for whom it works: its person reads it before they agree.
pub(crate) struct View {
    pub(crate) token: Arc<PhoneToken>,
    pub(crate) errand: Errand,
    /// What a key that is made or taken is called on the phone.
    pub(crate) label: String,
}

impl Token for View {
    fn id(&self) -> &TokenId {
        self.token.id()
    }

    fn kind(&self) -> TokenKind {
        self.token.kind()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.token.capabilities()
    }

    fn presence(&self) -> Presence {
        self.token.presence()
    }

    fn is_unlocked(&self) -> bool {
        self.token.is_unlocked()
    }

    fn is_ready(&self, key: &KeyHandle) -> bool {
        self.token.is_ready(key)
    }

    fn pace(&self, operation: &TokenOp) -> Pace {
        self.token.pace(operation)
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        Box::pin(self.token.run(operation, &self.errand, &self.label))
    }

    fn on_behalf_of(self: Arc<Self>, errand: Errand) -> Arc<dyn Token> {
        Arc::new(Self { token: Arc::clone(&self.token), errand, label: self.label.clone() })
    }
}
