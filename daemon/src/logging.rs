//! Where log lines go: the journal with its fields under systemd, standard error elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging what `filter` lets through, and makes a panic anywhere end the process, visibly.
pub fn start(filter: Targets) {
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    // Fields under their own names: MESSAGE_ID is one that journald knows.
    let journal = journal.map(|journal| journal.with_field_prefix(None));
    let plain = journal.is_none().then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
    });
    tracing_subscriber::registry().with(filter).with(journal).with(plain).init();
    end_on_panic();
}

/// zbus and tokio catch panics of their tasks: the caller would wait for ever and the state of the service be
/// unknown. It ends instead, and systemd starts it anew from the state on disk.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        tracing::error!("a panic ends the service: {panic}");
        std::process::abort();
    }));
}
