use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::keeper::Input;
use crate::accounts::passphrase;
use crate::logind::{Inhibitor, Logind, Sleep};
use crate::service::Service;

/// Holds the inhibitor, and does what must be done before the machine sleeps and after it woke.
pub(super) async fn watch(service: Arc<Service>, logind: Logind, mut told: UnboundedReceiver<Sleep>) {
    let mut inhibitor = Inhibitor::default();
    let mut asleep = false;
    loop {
        let sleep = tokio::select! {
            biased;
            sleep = told.recv() => sleep,
            () = inhibitor.take(&logind), if !asleep && !inhibitor.is_held() => continue,
        };
        let Some(sleep) = sleep else { return };
        let near = match sleep {
            Sleep::Near => true,
            Sleep::Over => false,
            Sleep::Unknown => {
                // What the logind before this one gave counts for nothing now.
                inhibitor.let_go();
                match logind.is_going_to_sleep().await {
                    Ok(near) if near != asleep => near,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!("cannot tell whether the machine is about to sleep: {error}");
                        // Awake, for we run: an end of sleep that nobody told must not keep sessions from ending.
                        if asleep { false } else { continue }
                    }
                }
            }
        };
        match near {
            true => lie_down(&service).await,
            false => get_up(&service),
        }
        asleep = near;
        inhibitor.let_go();
    }
}

async fn lie_down(service: &Arc<Service>) {
    service.sessions.put(Input::Sleep);
    service.cards.sleep();
    service.phones.sleep();
    if service.config.sessions.wipe_on_sleep {
        let mut wiping = JoinSet::new();
        for seat in service.accounts.all() {
            let service = Arc::clone(service);
            wiping.spawn(async move { passphrase::lock_everything(&service, &seat).await });
        }
        let all = async { while wiping.join_next().await.is_some() {} };
        if timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("not everything could be noted before the machine sleeps");
        }
        wiping.detach_all();
    }
    tracing::info!(wiped = service.config.sessions.wipe_on_sleep, "the machine sleeps");
}

fn get_up(service: &Service) {
    service.cards.wake();
    service.phones.wake();
    service.sessions.put(Input::Wake);
    tracing::info!("the machine is awake");
}

/// How long the machine's sleep is put off at most.
const PATIENCE: Duration = Duration::from_secs(1);
