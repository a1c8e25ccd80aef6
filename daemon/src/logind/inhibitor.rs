use std::time::Duration;

use tokio::time::sleep;
use zbus::OwnedFd;

use super::Logind;

/// While it is held, the machine waits some seconds before it sleeps: as long as the service needs to wipe secrets.
#[derive(Debug, Default)]
pub(crate) struct Inhibitor(Option<OwnedFd>);

impl Inhibitor {
    /// Returns true while it is held.
    pub(crate) const fn is_held(&self) -> bool {
        self.0.is_some()
    }

    /// Takes it, however long it takes until logind and polkit answer.
    pub(crate) async fn take(&mut self, logind: &Logind) {
        let mut pause = SHORTEST;
        loop {
            match logind.delay_sleep().await {
                Ok(descriptor) => {
                    self.0 = Some(descriptor);
                    return;
                }
                Err(error) => tracing::warn!("sleep is not delayed for now: {error}"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Lets the machine sleep.
    pub(crate) fn let_go(&mut self) {
        self.0 = None;
    }
}

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
