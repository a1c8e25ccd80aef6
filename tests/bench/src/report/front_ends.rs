use super::Rows;
use crate::table::Target;

impl Rows<'_> {
    pub(super) fn front_ends(&mut self) {
        self.module_p256();
        self.module_rsa();
        self.agents();
        self.front_ends_memory();
    }

    /// A program that asks for the length first has another call to a module that is remote, none to Claviger's daemon.
    fn module_p256(&mut self) {
        let p50 = "Sign with the PKCS#11 module, P-256, p50";
        let ours = self.series("pkcs11-claviger-p256/1/p50");
        self.figure(p50, "µs", &ours, Target::AtMost(65.0));
        for (load, how) in [("p256", ""), ("p256-asking", ", length first")] {
            let [ours, p11kit, softhsm] =
                MODULES.map(|name| self.series(&format!("pkcs11-{name}-{load}/1/p50")));
            let what = format!("{p50}{how}");
            self.ratio(&what, "µs", &ours, (P11_KIT, &p11kit), Target::AtMost(0.45));
            self.ratio(&what, "µs", &ours, (SOFTHSM, &softhsm), Target::None);
            for clients in [8, 64] {
                let what = format!("Sign with the PKCS#11 module, P-256, {clients} clients{how}");
                let [ours, p11kit, softhsm] =
                    MODULES.map(|name| self.rate(&format!("pkcs11-{name}-{load}"), clients));
                self.ratio(&what, "k/s", &ours, (P11_KIT, &p11kit), Target::AtLeast(2.5));
                self.ratio(&what, "k/s", &ours, (SOFTHSM, &softhsm), Target::AtLeast(1.2));
            }
        }
    }

    fn module_rsa(&mut self) {
        let what = "Sign with the PKCS#11 module, RSA-2048, p50";
        let [ours, softhsm] =
            ["claviger", "softhsm"].map(|name| self.series(&format!("pkcs11-{name}-rsa/1/p50")));
        self.ratio(what, "µs", &ours, (SOFTHSM, &softhsm), Target::AtMost(0.7));
        for clients in [8, 64] {
            let what = format!("Sign with the PKCS#11 module, RSA-2048, {clients} clients");
            let [ours, softhsm] =
                ["claviger", "softhsm"].map(|name| self.rate(&format!("pkcs11-{name}-rsa"), clients));
            self.ratio(&what, "k/s", &ours, (SOFTHSM, &softhsm), Target::AtLeast(1.6));
        }
    }

    fn agents(&mut self) {
        for (key, name, most, least) in
            [("p256", "P-256", 0.5, 4.0), ("ed25519", "Ed25519", 0.3, 8.0), ("rsa", "RSA-2048", 0.6, 3.0)]
        {
            let (ours, theirs) = (format!("agent-claviger-{key}"), format!("agent-openssh-{key}"));
            let [p50, peer] = [&ours, &theirs].map(|load| self.series(&format!("{load}/1/p50")));
            let what = format!("Sign with claviger-ssh-agent, {name}, p50");
            self.ratio(&what, "µs", &p50, (OPENSSH, &peer), Target::AtMost(most));
            for clients in [8, 64] {
                let what = format!("Sign with claviger-ssh-agent, {name}, {clients} clients");
                let [rate, peer] = [&ours, &theirs].map(|load| self.rate(load, clients));
                self.ratio(&what, "k/s", &rate, (OPENSSH, &peer), Target::AtLeast(least));
            }
        }
    }

    fn front_ends_memory(&mut self) {
        for (front_end, peer, beside, what) in [
            ("agent-claviger", "agent-openssh", OPENSSH, "Resident memory of claviger-ssh-agent"),
            ("pkcs11-claviger", "pkcs11-softhsm", SOFTHSM, "Resident memory that the PKCS#11 module adds"),
        ] {
            for (figure, when) in [
                ("rss", "idle"),
                ("rss-loaded", "after load"),
                ("rss-own", "idle, its own (RssAnon)"),
                ("rss-own-loaded", "after load, its own"),
            ] {
                let [ours, theirs] = [front_end, peer].map(|name| self.series(&format!("{name}/{figure}")));
                self.ratio(&format!("{what}, {when}"), "MB", &ours, (beside, &theirs), Target::None);
            }
        }
    }
}

/// As the figures are named, Claviger's first.
const MODULES: [&str; 3] = ["claviger", "p11kit", "softhsm"];
const P11_KIT: &str = "p11-kit server";
const SOFTHSM: &str = "SoftHSM2 in process";
const OPENSSH: &str = "OpenSSH's";
