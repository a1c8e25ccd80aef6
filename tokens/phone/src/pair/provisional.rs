use tokio::runtime::Handle;

use crate::live::Live;

/// The stream of a pairing that both sides have agreed on and this one does not keep yet.
///
/// Dropped, it has the phone told that the pairing is no more: else the phone would keep one that nobody has.
pub(crate) struct Provisional {
    live: Option<Live>,
    runtime: Handle,
}

impl Provisional {
    pub(crate) const fn new(live: Live, runtime: Handle) -> Self {
        Self { live: Some(live), runtime }
    }

    /// Returns the stream of a pairing that is kept from now on.
    pub(crate) fn keep(mut self) -> Option<Live> {
        self.live.take()
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        drop(self.runtime.spawn(async move {
            let link = live.link.clone();
            if live.unpair().await {
                tracing::info!("{link}: the phone forgets the pairing just made, which is not kept here");
            } else {
                tracing::warn!("{link}: the phone did not say that it forgets the pairing just made");
            }
        }));
    }
}
