use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use claviger_phone_protocol::{Info, Known};
use claviger_token::{Capabilities, Presence, TokenId};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};

use crate::line::{Line, Order};
use crate::link::Stream;
use crate::link::bluez::{Bluez, Radio};
use crate::link::socket::Sockets;
use crate::live::Live;
use crate::presence::{Change, Limits, Watch};
use crate::{Address, Link, LinkFault, Pairing, PhoneEvent, PhoneState, PhoneToken, PhonesConfig, Why};

/// What is known of phones: where the lines, the clock and those who ask meet.
pub(crate) struct Registry {
    pub(crate) config: PhonesConfig,
    pub(crate) runtime: Handle,
    bluez: Arc<Bluez>,
    state: Mutex<State>,
    /// Something changed that somebody may wait for: a presence, a pairing that begins.
    changed: watch::Sender<()>,
    /// The clock has to look anew.
    clock: Arc<Notify>,
}

pub(crate) type WeakRegistry = Weak<Registry>;

struct State {
    phones: BTreeMap<TokenId, Phone>,
    /// Whether each phone is there; of those that are missed without being kept, too.
    watches: BTreeMap<TokenId, Watch>,
    tokens: HashMap<TokenId, Arc<PhoneToken>>,
    subscribers: Vec<UnboundedSender<PhoneEvent>>,
    sockets: Sockets,
    /// Who waits to be paired over the socket: the user, and where streams go.
    pairing: Option<Awaited>,
    asleep: bool,
    ticking: bool,
}

/// One phone that is kept.
struct Phone {
    known: Known,
    name: String,
    links: Vec<Link>,
    orders: UnboundedSender<Order>,
    connected: Option<Link>,
    unlocked: bool,
    info: Option<Arc<Info>>,
    capabilities: Option<Arc<Capabilities>>,
    /// What came of the last try at each link.
    tried: BTreeMap<Link, Option<LinkFault>>,
}

/// A pairing under way.
struct Awaited {
    uid: u32,
    socket: bool,
    streams: UnboundedSender<Live>,
}

impl Registry {
    pub(crate) fn new(config: PhonesConfig, runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|registry| {
            let state = State {
                phones: BTreeMap::new(),
                watches: BTreeMap::new(),
                tokens: HashMap::new(),
                subscribers: Vec::new(),
                sockets: Sockets::new(&config.runtime),
                pairing: None,
                asleep: false,
                ticking: false,
            };
            Self {
                bluez: Bluez::new(config.bluetooth.clone(), runtime.clone(), registry.clone()),
                config,
                runtime,
                state: Mutex::new(state),
                changed: watch::Sender::new(()),
                clock: Arc::default(),
            }
        })
    }

    // What is kept.

    /// Begins to keep a phone, or takes the links and the name of one that is kept.
    pub(crate) fn keep(self: &Arc<Self>, pairing: Pairing, info: Option<Info>, live: Option<Live>) {
        let token = pairing.token();
        let mut state = self.state();
        let orders = match state.phones.get_mut(&token) {
            Some(phone) => {
                phone.name.clone_from(&pairing.name);
                phone.links.clone_from(&pairing.links);
                phone.tried.retain(|link, _| pairing.links.contains(link));
                let orders = phone.orders.clone();
                // Where the line has ended, all ends.
                drop(orders.send(Order::Replace(Box::new(pairing))));
                orders
            }
            None => self.begin(&mut state, pairing, info),
        };
        if let Some(live) = live {
            drop(orders.send(Order::Arrived(Box::new(live))));
        }
        self.review_side(&mut state, &token);
        self.tell(&mut state, PhoneEvent::Changed { token });
    }

    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        pairing: Pairing,
        info: Option<Info>,
    ) -> UnboundedSender<Order> {
        let token = pairing.token();
        let (orders, received) = unbounded_channel();
        let phone = Phone {
            known: pairing.known(),
            name: pairing.name.clone(),
            links: pairing.links.clone(),
            orders: orders.clone(),
            connected: None,
            unlocked: false,
            capabilities: info.as_ref().map(|info| Arc::new(info.capabilities.clone())),
            info: info.map(Arc::new),
            tried: BTreeMap::new(),
        };
        state.phones.insert(token.clone(), phone);
        self.watch(state, &token);
        self.runtime.spawn(Line::new(Arc::clone(self), pairing, received).run());
        orders
    }

    /// Drops a phone; returns what it is told by, to be told of its end.
    pub(crate) fn forget(&self, token: &TokenId) -> Option<UnboundedSender<Order>> {
        let mut state = self.state();
        let phone = state.phones.remove(token)?;
        if let Some(mut watch) = state.watches.remove(token) {
            let now = now();
            let changes = watch.leave(now, Why::Unpaired);
            self.apply(&mut state, token, now, changes);
        }
        state.tokens.remove(token);
        self.review_sockets(&mut state);
        Some(phone.orders)
    }

    /// Ends every line.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.phones.clear();
        state.watches.clear();
        state.subscribers.clear();
        state.sockets.retain(|_| false);
        self.bluez.stop();
        self.clock.notify_one();
    }

    pub(crate) fn token(self: &Arc<Self>, id: &TokenId) -> Arc<PhoneToken> {
        let weak = Arc::downgrade(self);
        let make = || Arc::new(PhoneToken::new(id.clone(), weak));
        Arc::clone(self.state().tokens.entry(id.clone()).or_insert_with(make))
    }

    pub(crate) fn snapshot(&self) -> Vec<PhoneState> {
        let state = self.state();
        let phone = |(token, phone): (&TokenId, &Phone)| PhoneState {
            token: token.clone(),
            uid: phone.known.uid,
            name: phone.name.clone(),
            presence: state.watches.get(token).map_or(Presence::Unreachable, Watch::presence),
            link: phone.connected.clone(),
            unlocked: phone.unlocked,
            info: phone.info.clone(),
            faults: phone
                .tried
                .iter()
                .filter_map(|(link, fault)| Some((link.clone(), fault.clone()?)))
                .collect(),
        };
        state.phones.iter().map(phone).collect()
    }

    pub(crate) fn subscribe(&self) -> UnboundedReceiver<PhoneEvent> {
        let (subscriber, events) = unbounded_channel();
        self.state().subscribers.push(subscriber);
        events
    }

    /// Returns what is woken whenever a presence changes or a pairing begins.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    // What is asked of phones.

    /// Hands something to a line; false where there is none.
    pub(crate) fn order(&self, token: &TokenId, order: Order) -> bool {
        self.state().phones.get(token).is_some_and(|phone| phone.orders.send(order).is_ok())
    }

    pub(crate) fn presence(&self, token: &TokenId) -> Presence {
        self.state().watches.get(token).map_or(Presence::Unreachable, Watch::presence)
    }

    pub(crate) fn name(&self, token: &TokenId) -> Option<String> {
        self.state().phones.get(token).map(|phone| phone.name.clone())
    }

    pub(crate) fn info(&self, token: &TokenId) -> Option<Arc<Info>> {
        self.state().phones.get(token)?.info.clone()
    }

    pub(crate) fn capabilities(&self, token: &TokenId) -> Option<Arc<Capabilities>> {
        self.state().phones.get(token)?.capabilities.clone()
    }

    pub(crate) fn is_unlocked(&self, token: &TokenId) -> bool {
        self.state().phones.get(token).is_some_and(|phone| phone.unlocked)
    }

    /// Returns true where this computer has locked the token.
    pub(crate) fn is_locked_here(&self, token: &TokenId) -> bool {
        self.state().tokens.get(token).is_some_and(|token| token.is_locked_here())
    }

    pub(crate) fn nudge_all(&self) {
        for phone in self.state().phones.values() {
            // Where the line has ended, all ends.
            drop(phone.orders.send(Order::Nudge));
        }
    }

    // What lines say.

    pub(crate) fn hear(&self, token: &TokenId, at: Instant) {
        self.update(token, at, |watch| watch.hear(at));
    }

    pub(crate) fn send(&self, token: &TokenId, at: Instant) {
        self.update(token, at, |watch| {
            watch.send(at);
            Vec::new()
        });
    }

    pub(crate) fn pause(&self, token: &TokenId, at: Instant, time: Duration) {
        self.update(token, at, |watch| watch.pause(at, time));
    }

    pub(crate) fn leave(&self, token: &TokenId, at: Instant, why: Why) {
        self.update(token, at, |watch| watch.leave(at, why));
    }

    /// Takes in by which link the phone is connected now.
    pub(crate) fn connect(&self, token: &TokenId, link: Option<Link>) {
        let mut state = self.state();
        if let Some(phone) = state.phones.get_mut(token) {
            if let Some(link) = &link {
                phone.tried.insert(link.clone(), None);
            }
            phone.connected = link;
            self.review_side(&mut state, token);
            self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
        }
    }

    /// Takes in what the phone says of itself.
    pub(crate) fn learn(&self, token: &TokenId, info: Info) {
        let mut state = self.state();
        let Some(phone) = state.phones.get_mut(token) else { return };
        phone.unlocked = info.unlocked;
        phone.capabilities = Some(Arc::new(info.capabilities.clone()));
        phone.info = Some(Arc::new(info));
        self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
    }

    pub(crate) fn set_unlocked(&self, token: &TokenId, unlocked: bool) {
        let mut state = self.state();
        let Some(phone) = state.phones.get_mut(token) else { return };
        if std::mem::replace(&mut phone.unlocked, unlocked) != unlocked {
            self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
        }
    }

    // What links say.

    /// Takes in what came of a try at a link.
    pub(crate) fn report(&self, token: &TokenId, link: &Link, fault: Option<LinkFault>) {
        let mut state = self.state();
        let Some(phone) = state.phones.get_mut(token).filter(|phone| phone.links.contains(link)) else {
            return;
        };
        // That nobody has come to the socket says less than why somebody who came was turned away.
        let known =
            phone.tried.get(link).is_some_and(|known| !known.as_ref().is_some_and(LinkFault::is_ours));
        let is_news = !(known && fault == Some(LinkFault::NobodyConnected));
        let was = if is_news { phone.tried.insert(link.clone(), fault.clone()) } else { Some(fault.clone()) };
        self.review_side(&mut state, token);
        if was.as_ref() != Some(&fault) {
            if let Some(fault) = &fault {
                tracing::debug!("{token}: {link}: {fault}");
            }
            self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
        }
    }

    /// Takes in why somebody who connected to a user's socket is none of the phones that come that way.
    pub(crate) fn report_socket(&self, uid: u32, fault: &LinkFault) {
        let comes = |phone: &Phone| {
            phone.known.uid == uid && phone.connected.is_none() && phone.links.contains(&Link::Socket)
        };
        let state = self.state();
        let tokens: Vec<_> =
            state.phones.iter().filter(|(_, phone)| comes(phone)).map(|(token, _)| token.clone()).collect();
        drop(state);
        tokens.iter().for_each(|token| self.report(token, &Link::Socket, Some(fault.clone())));
    }

    /// Takes in how this computer's radio stands.
    pub(crate) fn radio_changed(&self, fault: Option<&LinkFault>) {
        let mut state = self.state();
        let tokens: Vec<_> = state.phones.keys().cloned().collect();
        for token in tokens {
            let Some(phone) = state.phones.get_mut(&token) else { continue };
            let mut changed = false;
            for link in phone.links.iter().filter(|link| link.is_radio()) {
                changed |= phone.tried.insert(link.clone(), fault.cloned()) != Some(fault.cloned());
            }
            self.review_side(&mut state, &token);
            if changed {
                self.tell(&mut state, PhoneEvent::Changed { token });
            }
        }
    }

    pub(crate) fn radio(&self) -> Radio {
        self.bluez.radio()
    }

    pub(crate) async fn dial_radio(&self, address: Address) -> Result<Stream, LinkFault> {
        self.bluez.dial(address).await
    }

    pub(crate) async fn bonded_phones(&self) -> Result<Vec<Address>, LinkFault> {
        self.bluez.bonded().await
    }

    /// Listens on the socket of that user.
    pub(crate) fn listen_for(self: &Arc<Self>, uid: u32) -> Result<(), LinkFault> {
        self.state().sockets.listen(uid, self).map_err(|error| LinkFault::NoSocket(error.kind()))
    }

    /// Returns what opens a channel to each phone that may come over the socket of that user. One that seems connected may
    /// come, too: it knows better.
    pub(crate) fn who_may_connect(&self, uid: u32) -> Vec<Known> {
        let state = self.state();
        let phones = state.phones.values();
        let coming = phones.filter(|phone| phone.known.uid == uid && phone.links.contains(&Link::Socket));
        coming.map(|phone| phone.known.clone()).collect()
    }

    // Pairing.

    /// Begins the one pairing that may be under way; returns the streams that come over the user's socket.
    pub(crate) fn begin_pairing(
        self: &Arc<Self>,
        uid: u32,
        socket: bool,
    ) -> Option<(PairingUnderWay, UnboundedReceiver<Live>)> {
        let (streams, coming) = unbounded_channel();
        let mut state = self.state();
        if state.pairing.is_some() {
            return None;
        }
        state.pairing = Some(Awaited { uid, socket, streams });
        self.changed.send_replace(());
        Some((PairingUnderWay { registry: Arc::clone(self) }, coming))
    }

    /// Gives a stream that came over the user's socket to the pairing under way; returns it where nobody wants it.
    pub(crate) fn offer_to_pairing(&self, uid: u32, live: Live) -> Option<Live> {
        match &self.state().pairing {
            Some(pairing) if pairing.uid == uid && pairing.socket => {
                pairing.streams.send(live).err().map(|unsent| unsent.0)
            }
            _ => Some(live),
        }
    }

    // Time and sleep.

    pub(crate) fn expect(self: &Arc<Self>, tokens: &[TokenId]) {
        let mut state = self.state();
        let now = now();
        for token in tokens {
            self.watch(&mut state, token);
            let changes = state.watches.get(token).map(Watch::expect).unwrap_or_default();
            self.apply(&mut state, token, now, changes);
        }
    }

    pub(crate) fn sleep(&self) {
        let mut state = self.state();
        state.asleep = true;
        self.for_each_watch(&mut state, |watch, _| watch.sleep());
    }

    pub(crate) fn wake(&self) {
        let mut state = self.state();
        state.asleep = false;
        self.for_each_watch(&mut state, |watch, now| {
            watch.wake(now);
            Vec::new()
        });
        self.clock.notify_one();
    }

    fn tick(&self) -> Option<Instant> {
        let mut state = self.state();
        self.for_each_watch(&mut state, Watch::tick);
        state.watches.values().filter_map(Watch::next_tick).min()
    }

    fn for_each_watch(&self, state: &mut State, mut take: impl FnMut(&mut Watch, Instant) -> Vec<Change>) {
        let now = now();
        let watches = state.watches.iter_mut();
        let changes: Vec<_> = watches.map(|(token, watch)| (token.clone(), take(watch, now))).collect();
        changes.into_iter().for_each(|(token, changes)| self.apply(state, &token, now, changes));
    }

    /// Begins to watch that phone, if this was not so before.
    fn watch(self: &Arc<Self>, state: &mut State, token: &TokenId) {
        if state.watches.contains_key(token) {
            return;
        }
        let limits = Limits { lost: self.config.lost, grace: self.config.grace };
        let mut watch = Watch::new(limits, now());
        if state.asleep {
            // A new one has nothing to withdraw.
            drop(watch.sleep());
        }
        state.watches.insert(token.clone(), watch);
        self.review_side(state, token);
        if !std::mem::replace(&mut state.ticking, true) {
            self.runtime.spawn(clock(Arc::downgrade(self), Arc::clone(&self.clock)));
        }
    }

    fn update(&self, token: &TokenId, at: Instant, take: impl FnOnce(&mut Watch) -> Vec<Change>) {
        let mut state = self.state();
        let changes = state.watches.get_mut(token).map(take).unwrap_or_default();
        self.apply(&mut state, token, at, changes);
    }

    /// A phone can be heard while every link to it works on this computer's side. One that is missed without being kept can
    /// never be heard: it counts from the start.
    fn review_side(&self, state: &mut State, token: &TokenId) {
        let works = |phone: &Phone| {
            phone.links.iter().all(|link| {
                phone.tried.get(link).is_some_and(|fault| !fault.as_ref().is_some_and(LinkFault::is_ours))
            })
        };
        let works = state.phones.get(token).is_none_or(works);
        let now = now();
        let changes = state.watches.get_mut(token).map(|watch| watch.listen(now, works)).unwrap_or_default();
        self.apply(state, token, now, changes);
        self.clock.notify_one();
    }

    fn review_sockets(&self, state: &mut State) {
        let State { phones, sockets, pairing, .. } = state;
        let awaited = pairing.as_ref().filter(|pairing| pairing.socket).map(|pairing| pairing.uid);
        sockets.retain(|uid| {
            let comes = |phone: &Phone| phone.known.uid == uid && phone.links.contains(&Link::Socket);
            awaited == Some(uid) || phones.values().any(comes)
        });
    }

    fn apply(&self, state: &mut State, token: &TokenId, at: Instant, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            let token = token.clone();
            let event = match change {
                Change::Presence(presence, why) => {
                    tracing::debug!("{token}: {}: {why}", presence.name());
                    PhoneEvent::Token { token, presence, at, why }
                }
                Change::Missing(removal_at) => PhoneEvent::Missing { token, removal_at },
                Change::Back => PhoneEvent::Back { token },
            };
            self.tell(state, event);
        }
        self.clock.notify_one();
        self.changed.send_replace(());
    }

    fn tell(&self, state: &mut State, event: PhoneEvent) {
        state.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one pairing under way, until it is dropped.
pub(crate) struct PairingUnderWay {
    registry: Arc<Registry>,
}

impl Drop for PairingUnderWay {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        state.pairing = None;
        self.registry.review_sockets(&mut state);
    }
}

/// Lets the time pass for every phone, until the registry is gone.
async fn clock(registry: WeakRegistry, woken: Arc<Notify>) {
    loop {
        let next = match registry.upgrade() {
            Some(registry) => registry.tick(),
            None => return,
        };
        match next {
            Some(due) => {
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {}
                    () = woken.notified() => {}
                }
            }
            None => woken.notified().await,
        }
    }
}

/// Returns the runtime's time, which tests move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
