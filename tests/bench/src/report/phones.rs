use super::Rows;
use crate::table::Target;

impl Rows<'_> {
    pub(super) fn phones(&mut self) {
        for (name, line) in [("cable", "a pty"), ("socket", "a socket")] {
            let ours = self.series(&format!("phone-{name}/1/p50"));
            let floor = self.sum(&format!("phone-{name}-echo/1/p50"), "phone-raw").map(|sum| sum + 300.0);
            let what = format!("Sign with a phone over {line}, P-256, p50");
            let beside = ("round trip + raw + 300 µs", &floor);
            self.ratio(&what, "µs", &ours, beside, Target::AtMost(1.0));
            for (clients, target) in [(8, Target::None), (64, Target::AtLeast(3.0))] {
                let what = format!("Sign with a phone over {line}, P-256, {clients} clients");
                self.figure(&what, "k/s", &self.rate(&format!("phone-{name}"), clients), target);
            }
            for (figure, which) in [("back-p50", "p50"), ("back-most", "most")] {
                let what = format!("A signature after a cut of {line} was mended, {which}");
                let back = self.series(&format!("phone-{name}/{figure}"));
                self.figure(&what, "s", &back, Target::AtMost(2.0));
            }
            let rss = self.series(&format!("phone-{name}/rss"));
            let what = format!("Resident memory of claviger-phone over {line}, idle");
            self.figure(&what, "MB", &rss, Target::AtMost(8.0));
            let rss = self.series(&format!("phone-{name}/rss-loaded"));
            self.figure("The same after all loads", "MB", &rss, Target::None);
        }
        let rss = self.series("phone-daemon-rss-without");
        self.figure("Resident memory of clavigerd, idle, no phone", "MB", &rss, Target::AtMost(10.0));
        let rss = self.series("phone-daemon-rss");
        self.figure("Resident memory of clavigerd, idle, a phone there", "MB", &rss, Target::AtMost(10.0));
    }
}
