mod links;
mod pairing;
mod watching;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use claviger_phone_protocol::{Info, Known};
use claviger_token::{Capabilities, Presence, TokenId};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};

use crate::line::{Line, Order};
use crate::link::bluez::Bluez;
use crate::link::socket::Sockets;
use crate::live::Live;
use crate::presence::Watch;
use crate::{Link, LinkFault, Pairing, PhoneEvent, PhoneState, PhoneToken, PhonesConfig, Why};

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
    /// Those that are paired and cannot be kept, once every other is; `None` until then.
    unkept: Option<BTreeSet<TokenId>>,
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

impl State {
    fn presence(&self, token: &TokenId) -> Presence {
        self.watches.get(token).map_or(Presence::Unreachable, Watch::presence)
    }
}

impl Registry {
    pub(crate) fn new(config: PhonesConfig, runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|registry| {
            let state = State {
                phones: BTreeMap::new(),
                watches: BTreeMap::new(),
                unkept: None,
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

    /// Begins to keep a phone. One that is kept already stays as it is, and takes the stream.
    pub(crate) fn keep(self: &Arc<Self>, pairing: Pairing, info: Option<Info>, live: Option<Live>) {
        let token = pairing.token();
        let mut state = self.state();
        let orders = match state.phones.get(&token) {
            Some(phone) => phone.orders.clone(),
            None => self.begin(&mut state, pairing, info),
        };
        if let Some(live) = live {
            // Its line dials nothing yet, and listens nowhere: the phone may come anew before this stream has ended.
            self.listen_for_kept(&mut state, &token);
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
        let phone = state.phones.remove(token);
        state.unkept.as_mut().map(|unkept| unkept.remove(token));
        if let Some(mut watch) = state.watches.remove(token) {
            let now = watching::now();
            let changes = watch.leave(now, Why::Unpaired);
            self.apply(&mut state, token, now, changes);
        }
        state.tokens.remove(token);
        self.review_sockets(&mut state);
        phone.map(|phone| phone.orders)
    }

    /// Takes in that every phone that is paired is kept by now, but for these.
    pub(crate) fn kept_all_but(&self, unkept: &[TokenId]) {
        let mut state = self.state();
        state.unkept = Some(unkept.iter().cloned().collect());
        let tokens: Vec<_> = state.watches.keys().cloned().collect();
        tokens.iter().for_each(|token| self.review_side(&mut state, token));
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
            presence: state.presence(token),
            link: phone.connected.clone(),
            unlocked: phone.unlocked && state.presence(token) == Presence::Present,
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
        self.state().presence(token)
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
        let state = self.state();
        let unlocked = state.phones.get(token).is_some_and(|phone| phone.unlocked);
        unlocked && state.presence(token) == Presence::Present
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

    /// Takes in by which link the phone is connected now.
    pub(crate) fn connect(&self, token: &TokenId, link: Option<Link>) {
        let mut state = self.state();
        if let Some(phone) = state.phones.get_mut(token) {
            if let Some(link) = &link {
                phone.tried.insert(link.clone(), None);
            }
            // A channel that is gone unlocks nothing: the next one says how it stands.
            phone.unlocked &= link.is_some();
            phone.connected = link;
            self.review_side(&mut state, token);
            self.tell(&mut state, PhoneEvent::Changed { token: token.clone() });
        }
    }

    /// Takes in what the phone says of itself.
    pub(crate) fn learn(&self, token: &TokenId, info: Info) {
        let mut state = self.state();
        let Some(phone) = state.phones.get_mut(token) else { return };
        let unlocked = std::mem::replace(&mut phone.unlocked, info.unlocked);
        if unlocked == info.unlocked && phone.info.as_deref() == Some(&info) {
            return;
        }
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

    fn tell(&self, state: &mut State, event: PhoneEvent) {
        state.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
