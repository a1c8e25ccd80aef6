//! What the figures say: every load, and every target of `performance.md` with what it was measured against.

mod front_ends;
mod phones;

use crate::fairness::FLOOD;
use crate::figures::Figures;
use crate::loads::CLIENTS;
use crate::sessions::PULLS;
use crate::stats::Series;
use crate::table::{Table, Target};

/// Returns all loads: p50, p99 and rate for each number of clients; of some parts only those that were run.
pub(crate) fn loads(figures: &Figures, some: bool) -> Table {
    let mut table =
        Table::new(&["p50 / p99 in µs, calls/s", "1 client", "2 clients", "8 clients", "64 clients"]);
    for (name, what) in LOADS {
        let cells = CLIENTS.map(|clients| load_cell(figures, &format!("{name}/{clients}")));
        if cells.iter().any(|cell| !cell.is_empty()) || !some {
            table.row([(*what).to_owned()].into_iter().chain(cells));
        }
    }
    table
}

fn load_cell(figures: &Figures, name: &str) -> String {
    let median = |what: &str| figures.series(&format!("{name}/{what}")).median();
    let (p50, p99, rate) = (median("p50"), median("p99"), median("rate"));
    if p50.is_nan() {
        return String::new();
    }
    format!("{p50:.0} / {p99:.0}, {:.1} k/s", rate / 1000.0)
}

/// Returns the figures that are no load.
pub(crate) fn singles(figures: &Figures) -> Table {
    let mut table = Table::new(&["once", "median", "unit"]);
    for (name, what, unit) in SINGLES {
        let figure = figures.series(name).median();
        if !figure.is_nan() {
            table.row([(*what).to_owned(), format!("{figure:.2}"), (*unit).to_owned()]);
        }
    }
    table
}

/// Returns every target, what was measured, and whether it is met; of some parts only those that were measured.
pub(crate) fn targets(figures: &Figures, some: bool) -> Table {
    let mut rows = Rows { figures, some, table: Table::new(&HEAD) };
    rows.sign_on_the_bus();
    rows.sign_on_a_channel();
    rows.beside_openssh();
    rows.start_and_memory();
    rows.table_and_digest();
    rows.cards();
    rows.phones();
    rows.front_ends();
    rows.sessions();
    rows.fairness();
    rows.table
}

struct Rows<'a> {
    figures: &'a Figures,
    some: bool,
    table: Table,
}

impl Rows<'_> {
    fn sign_on_the_bus(&mut self) {
        let allowed = self.sum("noop-bus/1/p50", "raw-p256").map(|sum| sum + 10.0);
        let p50 = self.series("bus-p256/1/p50");
        self.ratio(
            "Sign on the bus, P-256, p50",
            "µs",
            &p50,
            ("no-op + raw + 10 µs", &allowed),
            Target::AtMost(1.0),
        );
        for clients in [8, 64] {
            let (what, floor) = (format!("Sign on the bus, P-256, {clients} clients"), "no-op");
            let (rate, noop) = (self.rate("bus-p256", clients), self.rate("noop-bus", clients));
            self.ratio(&what, "k/s", &rate, (floor, &noop), Target::AtLeast(0.65));
        }
    }

    fn sign_on_a_channel(&mut self) {
        let floor = self.sum("ping/1/p50", "raw-p256");
        let p50 = self.series("channel-p256/1/p50");
        self.ratio(
            "Sign on a channel, P-256, p50",
            "µs",
            &p50,
            ("unix ping + raw", &floor),
            Target::AtMost(1.5),
        );
        for clients in [8, 64] {
            let what = format!("Sign on a channel, P-256, {clients} clients");
            let (rate, noop) = (self.rate("channel-p256", clients), self.rate("noop-channel", clients));
            self.ratio(&what, "k/s", &rate, ("channel no-op", &noop), Target::AtLeast(0.5));
            self.figure(&what, "k/s", &rate, Target::AtLeast(45.0));
        }
    }

    /// The targets beside ssh-agent are those of Claviger's own agent socket; the channel is what it will stand on.
    fn beside_openssh(&mut self) {
        for (key, name) in [("p256", "P-256"), ("ed25519", "Ed25519"), ("rsa", "RSA-2048")] {
            let (ours, theirs) = (format!("channel-{key}"), format!("ssh-agent-{key}"));
            let p50 = self.series(&format!("{ours}/1/p50"));
            let peer = self.series(&format!("{theirs}/1/p50"));
            self.ratio(
                &format!("Sign on a channel, {name}, p50"),
                "µs",
                &p50,
                ("ssh-agent", &peer),
                Target::None,
            );
            let (rate, peer) = (self.rate(&ours, 8), self.rate(&theirs, 8));
            let what = format!("Sign on a channel, {name}, 8 clients");
            self.ratio(&what, "k/s", &rate, ("ssh-agent", &peer), Target::None);
        }
    }

    fn start_and_memory(&mut self) {
        for (name, what, unit, most) in [
            ("start", "Start-up to first answer", "ms", 8.0),
            ("start-million", "Start-up to first answer, 1 M users", "ms", 8.0),
            ("rss", "Resident memory, idle after the first answer", "MB", 10.0),
            ("rss-million", "Resident memory, idle, 1 M users", "MB", 14.0),
            ("rss-loaded", "Resident memory after all loads", "MB", f64::NAN),
        ] {
            let target = if most.is_nan() { Target::None } else { Target::AtMost(most) };
            self.figure(what, unit, &self.series(name), target);
        }
    }

    fn table_and_digest(&mut self) {
        let (label, bare) = (self.series("label/1/p50"), self.series("bare-update"));
        self.ratio(
            "SetLabel on a channel, p50",
            "µs",
            &label,
            ("bare SQLite update", &bare),
            Target::AtMost(1.2),
        );
        let crossed = self.sum("bare-update", "noop-channel/1/p50");
        self.ratio(
            "SetLabel on a channel, p50",
            "µs",
            &label,
            ("bare update + channel no-op", &crossed),
            Target::None,
        );
        let (ours, raw) = (self.series("hash-daemon"), self.series("hash-ring"));
        self.ratio(
            "DigestFile, 1 GiB in a memfd",
            "s",
            &ours,
            ("raw hash by ring", &raw),
            Target::AtMost(1.1),
        );
        let peer = self.series("hash-sha256sum");
        self.ratio("DigestFile, 1 GiB in a memfd", "s", &ours, ("sha256sum", &peer), Target::AtMost(0.333));
    }

    fn cards(&mut self) {
        let ours = self.series("card-daemon/1/p50");
        let raw = self.series("card-raw/1/p50").map(|p50| p50 + 60.0);
        let what = "Sign with a PIV card, P-256, p50";
        self.ratio(what, "µs", &ours, ("the same APDUs raw + 60 µs", &raw), Target::AtMost(1.0));
        let (rate, raw) = (self.rate("card-daemon", 1), self.rate("card-raw", 1));
        let chain = "Sign with a PIV card, P-256, one after the other";
        self.ratio(chain, "k/s", &rate, ("raw", &raw), Target::AtLeast(0.9));
        let (ours, what) = (self.series("card-daemon-rsa/1/p50"), "Sign with a PIV card, RSA-2048, p50");
        let peer = self.series("card-opensc-login/1/p50");
        self.ratio(what, "µs", &ours, ("OpenSC, PIN each time", &peer), Target::AtMost(1.0));
        let peer = self.series("card-opensc/1/p50");
        self.ratio(what, "µs", &ours, ("OpenSC, logged in once", &peer), Target::AtMost(1.0));
        let one = self.series("slow-cards/1");
        for (count, least) in [(2, 1.9), (4, 3.8)] {
            let all = self.series(&format!("slow-cards/{count}"));
            let what = format!("{count} cards at once, each 5 ms a command");
            self.ratio(&what, "/s", &all, ("one card", &one), Target::AtLeast(least));
        }
        let removal = self.series("removal");
        self.figure("Removal on D-Bus after pcscd's report", "ms", &removal, Target::AtMost(20.0));
    }

    fn sessions(&mut self) {
        let pulls = format!("over {PULLS} pulls");
        for (name, what, most) in [
            ("session-sent", "TerminateSession sent after pcscd's report", Target::AtMost(100.0)),
            ("session-ended", "The session's process gone after pcscd's report", Target::None),
        ] {
            for (percentile, target) in [("p50", Target::None), ("p99", most), ("most", Target::None)] {
                let figure = self.series(&format!("{name}/{percentile}"));
                self.row(&format!("{what}, {percentile}"), "ms", &figure, &pulls, target);
            }
        }
        let module =
            self.series("login-module").with(&self.series("login-nothing"), |ours, none| ours - none);
        let call = self.series("login-call");
        let beside = format!("its Authenticate call: {}", in_unit(call.median(), "ms"));
        let added = module.with(&call, |module, call| module - call);
        let what = "What the PAM module adds to a login with a card, p50";
        self.row(what, "ms", &added, &beside, Target::AtMost(30.0));
        let exposure = self.series("exposure");
        self.figure("Exposure of clavigerd.service (systemd-analyze)", "", &exposure, Target::AtMost(1.0));
    }

    fn fairness(&mut self) {
        for (name, what, target) in [
            ("nice-flood", "Another uid's p99 during a flood", Target::AtMost(2.0)),
            ("noop-nice-flood", "The same at the no-op server", Target::None),
            ("equal-flood", "Another uid's p99, the flooder also taking processors", Target::None),
            ("noop-equal-flood", "The same at the no-op server", Target::None),
        ] {
            let flooded = self.series(&format!("{name}/flooded/1/p99"));
            let alone = self.series(&format!("{name}/alone/1/p99"));
            self.ratio(what, "µs", &flooded, ("its p99 alone", &alone), target);
        }
        for (name, what) in [("nice-flood", "The flood"), ("equal-flood", "The flood that takes processors")]
        {
            let flood = format!("{name}/flood");
            let refused = self.series(&format!("{flood}/{FLOOD}/refused")).map(|rate| rate / 1000.0).median();
            let what = format!("{what}: {FLOOD} calls at once on 8 channels");
            let beside = format!("refused: {}", in_unit(refused, "k/s"));
            self.row(&what, "k/s", &self.rate(&flood, FLOOD), &beside, Target::None);
        }
    }

    fn series(&self, name: &str) -> Series {
        self.figures.series(name)
    }

    fn rate(&self, name: &str, clients: usize) -> Series {
        self.series(&format!("{name}/{clients}/rate")).map(|rate| rate / 1000.0)
    }

    fn sum(&self, one: &str, other: &str) -> Series {
        self.series(one).with(&self.series(other), |one, other| one + other)
    }

    fn ratio(&mut self, what: &str, unit: &str, ours: &Series, beside: (&str, &Series), target: Target) {
        let (name, floor) = beside;
        if self.some && ours.median().is_nan() {
            return;
        }
        let ratio = ours.with(floor, |ours, floor| ours / floor).median();
        self.table.row([
            what.to_owned(),
            in_unit(ours.median(), unit),
            format!("{name}: {}", in_unit(floor.median(), unit)),
            in_ratio(ratio),
            target.text("x"),
            target.verdict(ratio).to_owned(),
        ]);
    }

    fn figure(&mut self, what: &str, unit: &str, ours: &Series, target: Target) {
        self.row(what, unit, ours, "", target);
    }

    fn row(&mut self, what: &str, unit: &str, ours: &Series, beside: &str, target: Target) {
        let figure = ours.median();
        if self.some && figure.is_nan() {
            return;
        }
        self.table.row([
            what.to_owned(),
            in_unit(figure, unit),
            beside.to_owned(),
            String::new(),
            target.text(&format!(" {unit}")),
            target.verdict(figure).to_owned(),
        ]);
    }
}

/// Three digits, as a measurement deserves.
fn in_unit(figure: f64, unit: &str) -> String {
    if figure.is_nan() {
        return "-".to_owned();
    }
    let digits = if figure < 10.0 { 2 } else { usize::from(figure < 100.0) };
    format!("{figure:.digits$} {unit}")
}

fn in_ratio(ratio: f64) -> String {
    if ratio.is_nan() { "-".to_owned() } else { format!("{ratio:.2}x") }
}

const HEAD: [&str; 6] = ["what", "measured", "beside, in the same run", "ratio", "target", ""];

const LOADS: &[(&str, &str)] = &[
    ("ping", "floor: unix-socket ping"),
    ("noop-bus", "floor: no-op on the bus"),
    ("noop-channel", "floor: no-op on channels"),
    ("ssh-agent-p256", "peer: OpenSSH ssh-agent, P-256"),
    ("ssh-agent-ed25519", "peer: OpenSSH ssh-agent, Ed25519"),
    ("ssh-agent-rsa", "peer: OpenSSH ssh-agent, RSA-2048"),
    ("bus-p256", "Claviger on the bus, P-256"),
    ("channel-p256", "Claviger on channels, P-256"),
    ("channel-ed25519", "Claviger on channels, Ed25519"),
    ("channel-rsa", "Claviger on channels, RSA-2048"),
    ("label", "Claviger on a channel, SetLabel"),
    ("phone-cable-echo", "floor: a phone's bytes there and back over a pty"),
    ("phone-cable", "Claviger on channels, phone over a pty, P-256"),
    ("phone-socket-echo", "floor: a phone's bytes there and back over a socket"),
    ("phone-socket", "Claviger on channels, phone over a socket, P-256"),
    ("card-raw", "floor: a P-256 signature of a PIV card, raw APDUs"),
    ("card-opensc", "peer: RSA-2048 of a PIV card through OpenSC, logged in once"),
    ("card-opensc-login", "peer: the same, PIN each time"),
    ("card-daemon", "Claviger on a channel, PIV card, P-256"),
    ("card-daemon-rsa", "Claviger on a channel, PIV card, RSA-2048"),
    ("pkcs11-softhsm-p256", "peer: SoftHSM2 in process, P-256"),
    ("pkcs11-p11kit-p256", "peer: SoftHSM2 behind p11-kit server, P-256"),
    ("pkcs11-claviger-p256", "Claviger's PKCS#11 module, P-256"),
    ("pkcs11-softhsm-p256-asking", "peer: SoftHSM2 in process, P-256, length first"),
    ("pkcs11-p11kit-p256-asking", "peer: SoftHSM2 behind p11-kit server, P-256, length first"),
    ("pkcs11-claviger-p256-asking", "Claviger's PKCS#11 module, P-256, length first"),
    ("pkcs11-softhsm-rsa", "peer: SoftHSM2 in process, RSA-2048"),
    ("pkcs11-p11kit-rsa", "peer: SoftHSM2 behind p11-kit server, RSA-2048"),
    ("pkcs11-claviger-rsa", "Claviger's PKCS#11 module, RSA-2048"),
    ("agent-openssh-p256", "peer: OpenSSH ssh-agent, P-256"),
    ("agent-claviger-p256", "claviger-ssh-agent, P-256"),
    ("agent-openssh-ed25519", "peer: OpenSSH ssh-agent, Ed25519"),
    ("agent-claviger-ed25519", "claviger-ssh-agent, Ed25519"),
    ("agent-openssh-rsa", "peer: OpenSSH ssh-agent, RSA-2048"),
    ("agent-claviger-rsa", "claviger-ssh-agent, RSA-2048"),
];

const SINGLES: &[(&str, &str, &str)] = &[
    ("raw-p256", "floor: raw signature, P-256, aws-lc-rs", "µs"),
    ("raw-p256-ring", "floor: raw signature, P-256, ring", "µs"),
    ("raw-ed25519", "floor: raw signature, Ed25519, aws-lc-rs", "µs"),
    ("raw-rsa", "floor: raw signature, RSA-2048, aws-lc-rs", "µs"),
    ("bare-update", "floor: bare SQLite update, WAL, FULL", "µs"),
    ("phone-raw", "floor: raw signature, P-256, beside the phones", "µs"),
    ("phone-cable/question", "a signature's bytes to the phone", "bytes"),
    ("phone-cable/answer", "and back", "bytes"),
    ("hash-ring", "floor: SHA-256 of 1 GiB, ring", "s"),
    ("hash-aws", "floor: SHA-256 of 1 GiB, aws-lc-rs", "s"),
    ("hash-sha256sum", "peer: SHA-256 of 1 GiB, sha256sum", "s"),
    ("hash-daemon", "Claviger: DigestFile of 1 GiB", "s"),
    ("rss-own", "Claviger: idle memory of its own (RssAnon)", "MB"),
    ("rss-own-million", "Claviger: the same with 1 M users", "MB"),
    ("rss-own-loaded", "Claviger: the same after all loads", "MB"),
];
