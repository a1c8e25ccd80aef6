use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;

use crate::LinkFault;
use crate::link::bluez::Standing;
use crate::link::bluez::profile::Profile;
use crate::link::bluez::service::{BLUEZ, LOOKING, PROFILE, Service};
use crate::link::bluez::signals::{Signal, Signals};

/// Follows BlueZ, and says how it stands whenever that changes; connects to the bus anew when that is lost.
pub(crate) async fn run(at: Option<String>, say: impl Fn(Standing) + Send + 'static) {
    loop {
        let cause = match follow(at.as_deref(), &say).await {
            Ok(()) => "the connection to the bus is lost".to_owned(),
            Err(error) => error.to_string(),
        };
        say(Standing::Down(LinkFault::NoBluetooth(cause)));
        sleep(BEFORE_TRYING_ANEW).await;
    }
}

async fn follow(at: Option<&str>, say: &impl Fn(Standing)) -> zbus::Result<()> {
    let builder = match at {
        Some(address) => Builder::address(address),
        None => Builder::system(),
    };
    let profile = Profile::default();
    let building = builder.serve_at(PROFILE, profile.clone()).build();
    let connection = in_time(building).await?;
    let mut signals = in_time(Signals::of(&connection)).await?;
    let bus = DBusProxy::builder(&connection).cache_properties(CacheProperties::No).build().await?;
    let service = Arc::new(Service::new(connection.clone(), profile.clone()));
    let news = Notify::new();
    // Asked for before anything is called: a call would have the bus start a BlueZ that its administrator stopped.
    let looking = async {
        let owner = in_time(async { Ok(bus.get_name_owner(BLUEZ.try_into()?).await.ok()) }).await?;
        // Whatever the signals have told meanwhile is newer.
        profile.begin_with(owner);
        look(&service, &profile, &news, say).await
    };
    let mut looking = pin!(looking);
    // The signals are taken in all the time. What waits for an answer waits beside: where a queue of signals is full the
    // connection reads nothing more, and the answer would never come.
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Some(Signal::Owner(owner)) => {
                    profile.set_owner(owner);
                    news.notify_one();
                }
                Some(Signal::Adapters(sender)) => {
                    if sender.is_some() && sender == profile.owner() {
                        news.notify_one();
                    }
                }
                None => return Ok(()),
            },
            failed = &mut looking => return failed,
        }
    }
}

/// Registers the profile with whoever is BlueZ, and says how it stands, at each piece of news; what did not work is tried
/// again.
async fn look(
    service: &Arc<Service>,
    profile: &Profile,
    news: &Notify,
    say: &impl Fn(Standing),
) -> zbus::Result<()> {
    let mut registered: Option<OwnedUniqueName> = None;
    loop {
        let owner = profile.owner();
        let standing = stand(service, owner.clone(), &mut registered).await;
        if profile.owner() != owner {
            // Of one that is gone.
            continue;
        }
        let unsettled = matches!(&standing, Standing::Down(_)) && owner.is_some();
        say(standing);
        tokio::select! {
            () = news.notified() => {}
            () = sleep(BEFORE_TRYING_ANEW), if unsettled => {}
        }
    }
}

async fn stand(
    service: &Arc<Service>,
    owner: Option<OwnedUniqueName>,
    registered: &mut Option<OwnedUniqueName>,
) -> Standing {
    if owner.is_none() {
        return Standing::Down(LinkFault::NoBluetooth("it does not run".into()));
    }
    if *registered != owner {
        match service.register().await {
            Ok(()) => *registered = owner,
            Err(fault) => return Standing::Down(fault),
        }
    }
    match service.objects().await {
        Ok(objects) if objects.is_powered() => Standing::Up(Arc::clone(service)),
        Ok(_) => Standing::Down(LinkFault::AdapterOff),
        Err(fault) => Standing::Down(fault),
    }
}

async fn in_time<T>(asked: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = || zbus::Error::Failure("the bus does not answer".into());
    timeout(LOOKING, asked).await.unwrap_or_else(|_| Err(late()))
}

const BEFORE_TRYING_ANEW: Duration = Duration::from_secs(2);
