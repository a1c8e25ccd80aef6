//! systemd's watchdog: it is told that the service is well, for as long as it is.

use std::sync::Arc;
use std::time::Duration;

use claviger_token::TokenId;
use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::service::Service;
use crate::table::TableError;

/// Tells systemd that the service is well while the bus and the table answer, where the unit asks for it. This runs on
/// the thread that serves the bus: where that one is stuck, nothing is told either.
pub(crate) async fn tell(service: Arc<Service>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    // Two may be missed.
    let pause = limit / 3;
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if is_well(bus_answers(&service), table_answers(&service), pause).await {
            drop(sd_notify::notify(&[NotifyState::Watchdog]));
        } else {
            tracing::error!(
                "the bus or the table does not answer: without it soon, systemd starts the service anew"
            );
        }
    }
}

/// Decides whether the service is well: both answer in time.
async fn is_well(
    bus: impl Future<Output = bool>,
    table: impl Future<Output = bool>,
    patience: Duration,
) -> bool {
    let both = async { tokio::join!(bus, table) };
    matches!(timeout(patience, both).await, Ok((true, true)))
}

async fn bus_answers(service: &Service) -> bool {
    let (bus, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    // Not Peer.Ping: the system bus lets nobody ask it that.
    service.connection().call_method(Some(bus), path, Some(bus), "GetId", &()).await.is_ok()
}

/// An error is an answer too: starting anew mends no disk.
async fn table_answers(service: &Service) -> bool {
    let asked = service.table.token_owner(TokenId::new("")).await;
    !matches!(asked, Err(TableError::Stopped))
}

#[cfg(test)]
mod tests {
    use super::is_well;
    use std::future::{pending, ready};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn the_service_is_well_only_while_bus_and_table_answer_in_time() {
        assert!(is_well(ready(true), ready(true), PATIENCE).await);
        assert!(!is_well(ready(false), ready(true), PATIENCE).await);
        assert!(!is_well(ready(true), ready(false), PATIENCE).await);
        assert!(!is_well(pending(), ready(true), PATIENCE).await);
        assert!(!is_well(ready(true), pending(), PATIENCE).await);
        let late = async {
            tokio::time::sleep(PATIENCE * 2).await;
            true
        };
        assert!(!is_well(ready(true), late, PATIENCE).await);
    }
}
