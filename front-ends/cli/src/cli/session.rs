use clap::{Args, Subcommand};

/// `claviger session`
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List your sessions, and what each is bound to.
    List,
    /// Bind a session to a token: when the token is removed, the session locks or ends.
    Bind(Bind),
    /// Give up what `session bind` made.
    Release {
        /// The session, as `claviger session list` shows it; your only one unless told.
        #[arg(default_value = "", hide_default_value = true)]
        session: String,
    },
}

/// `claviger session bind`
#[derive(Debug, Args)]
pub struct Bind {
    /// The session, as `claviger session list` shows it; your only one unless told.
    #[arg(default_value = "", hide_default_value = true)]
    pub session: String,
    /// The token; your only card that is there unless told.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub token: String,
}

/// `claviger removal`
#[derive(Debug, Args)]
pub struct Removal {
    /// What happens to your sessions when the token they are bound to is removed: none, lock, terminate, or default for what the
    /// administrator configured. Shown unless told.
    #[arg(value_parser = ["none", "lock", "terminate", "default"])]
    pub action: Option<String>,
}
