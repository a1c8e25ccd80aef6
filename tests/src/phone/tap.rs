use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::watch;

use crate::in_time;

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the computer to the phone.
    ToPhone,
    /// From the phone to the computer.
    ToComputer,
}

/// What is done with a line: what goes on in its place.
type Meddle = Box<dyn FnMut(Way, &[u8]) -> Vec<u8> + Send>;

/// Sees everything that a wire carries, and lets it pass, or what the test makes of it.
pub struct Tap {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    carried: [Vec<u8>; 2],
    begun: [Vec<u8>; 2],
    meddle: Option<Meddle>,
    /// Where each way ends now, while it is connected.
    ends: [Option<Arc<OwnedFd>>; 2],
}

impl Tap {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// Returns everything that was sent that way so far, before anybody meddled with it.
    pub fn carried(&self, way: Way) -> Vec<u8> {
        self.state().carried[way as usize].clone()
    }

    /// Returns the lines that were sent that way so far, the blank ones left out.
    pub fn lines(&self, way: Way) -> Vec<Vec<u8>> {
        let carried = self.carried(way);
        let lines = carried.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
        lines.map(<[u8]>::to_vec).collect()
    }

    /// From now on each line passes through `meddle`, with what ends it; blank lines pass as they are.
    pub fn meddle(&self, meddle: impl FnMut(Way, &[u8]) -> Vec<u8> + Send + 'static) {
        self.state().meddle = Some(Box::new(meddle));
    }

    /// From now on nothing passes, and what is sent is lost.
    pub fn silence(&self) {
        self.meddle(|_, _| Vec::new());
    }

    /// From now on everything passes as it is.
    pub fn pass(&self) {
        let mut state = self.state();
        state.meddle = None;
        state.begun = Default::default();
    }

    /// Writes something into the wire.
    pub fn inject(&self, way: Way, bytes: &[u8]) {
        let end = self.state().ends[way as usize].clone();
        if let Some(end) = end {
            // Whoever does not read any more does not get it.
            let _ = write(&end, None, bytes);
        }
    }

    /// Waits until what was carried is as wanted.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            while !holds(self) {
                changes.changed().await.expect("the tap is there");
            }
        };
        in_time(what, waiting).await;
    }

    fn take(&self, way: Way, bytes: &[u8]) -> Vec<u8> {
        let mut state = self.state();
        state.carried[way as usize].extend_from_slice(bytes);
        let State { begun, meddle, .. } = &mut *state;
        let passed = match meddle {
            None => bytes.to_vec(),
            Some(meddle) => pass_lines(way, &mut begun[way as usize], bytes, meddle),
        };
        drop(state);
        self.changed.send_replace(());
        passed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn pass_lines(way: Way, begun: &mut Vec<u8>, bytes: &[u8], meddle: &mut Meddle) -> Vec<u8> {
    let end = match way {
        Way::ToPhone => b'\r',
        Way::ToComputer => b'\n',
    };
    begun.extend_from_slice(bytes);
    let mut passed = Vec::new();
    while let Some(at) = begun.iter().position(|byte| *byte == end) {
        let line: Vec<u8> = begun.drain(..=at).collect();
        match line.trim_ascii().is_empty() {
            true => passed.extend_from_slice(&line),
            false => passed.extend(meddle(way, &line)),
        }
    }
    passed
}

/// Two descriptors that do not block, joined by a tap until this goes.
pub(super) struct Joint {
    tap: Arc<Tap>,
    _stop: UnixStream,
    ended: watch::Receiver<bool>,
}

impl Joint {
    /// Joins the computer's end with the phone's. `seen` is called whenever something comes.
    pub(super) fn new(
        tap: &Arc<Tap>,
        computer: OwnedFd,
        phone: OwnedFd,
        seen: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Seen> = Arc::new(seen);
        let (computer, phone) = (Arc::new(computer), Arc::new(phone));
        tap.state().ends = [Some(Arc::clone(&phone)), Some(Arc::clone(&computer))];
        let (stop, stopped) = UnixStream::pair().unwrap();
        let (over, ended) = watch::channel(false);
        let back = Pump {
            way: Way::ToComputer,
            from: Arc::clone(&phone),
            to: Arc::clone(&computer),
            tap: Arc::clone(tap),
            stopped: stopped.try_clone().unwrap(),
            over: over.clone(),
            seen: Arc::clone(&seen),
        };
        let forth =
            Pump { way: Way::ToPhone, from: computer, to: phone, tap: Arc::clone(tap), stopped, over, seen };
        std::thread::spawn(move || forth.run());
        std::thread::spawn(move || back.run());
        Self { tap: Arc::clone(tap), _stop: stop, ended }
    }

    /// Waits until one of the ends is closed.
    pub(super) async fn ended(&mut self) {
        // Gone altogether is ended as well.
        drop(self.ended.wait_for(|ended| *ended).await);
    }
}

impl Drop for Joint {
    fn drop(&mut self) {
        // The descriptors close with the pumps.
        self.tap.state().ends = [None, None];
    }
}

/// What is done whenever something comes.
type Seen = dyn Fn() + Send + Sync;

/// One way.
struct Pump {
    way: Way,
    from: Arc<OwnedFd>,
    to: Arc<OwnedFd>,
    tap: Arc<Tap>,
    stopped: UnixStream,
    over: watch::Sender<bool>,
    seen: Arc<Seen>,
}

impl Pump {
    fn run(self) {
        let mut buffer = vec![0; 16 * 1024];
        while ready(self.from.as_fd(), PollFlags::IN, Some(&self.stopped)) {
            match rustix::io::read(&*self.from, &mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    (self.seen)();
                    let passed = self.tap.take(self.way, &buffer[..count]);
                    if write(&self.to, Some(&self.stopped), &passed).is_err() {
                        break;
                    }
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => break,
            }
        }
        let _ = self.over.send(true);
    }
}

fn write(to: &OwnedFd, stopped: Option<&UnixStream>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        if !ready(to.as_fd(), PollFlags::OUT, stopped) {
            return Err(Errno::CANCELED);
        }
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until it can be read or written; false where it is to stop.
fn ready(descriptor: BorrowedFd<'_>, flags: PollFlags, stopped: Option<&UnixStream>) -> bool {
    let mut polled = vec![PollFd::from_borrowed_fd(descriptor, flags)];
    polled.extend(stopped.map(|stopped| PollFd::new(stopped, PollFlags::IN)));
    match poll(&mut polled, None) {
        Ok(_) | Err(Errno::INTR) => polled.get(1).is_none_or(|stopped| stopped.revents().is_empty()),
        Err(_) => false,
    }
}
