use std::process::{Child, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Seat;
use super::marionette::Marionette;
use super::nss::{FRIENDLY, nss_database};
use crate::{in_time, until};

/// Alice's Firefox without a window, whose profile knows the module as the guide says it. It is killed with the value.
pub struct Firefox {
    process: Child,
    marionette: Marionette,
}

/// What it shows.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// Where the document is from; that of its own error pages begins with `about:`.
    pub address: String,
    /// What can be read.
    pub text: String,
}

impl Firefox {
    /// Starts it in a profile of its own, which trusts the authority.
    pub async fn start(seat: &Seat) -> Self {
        nss_database(seat, "profile", &FRIENDLY).await;
        seat.file("profile/user.js", SETTINGS);

        let driven = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"];
        let profile_words = ["--profile", &seat.path("profile")];
        let mut command = seat.lasting("firefox-esr", &[&driven[..], &profile_words].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut port = None;
        let file = seat.home().join("profile/MarionetteActivePort");
        let listens = until(|| {
            port = std::fs::read_to_string(&file).ok().and_then(|port| port.trim().parse().ok());
            port.is_some()
        });
        assert!(listens.await, "it never listens");
        Self { process, marionette: Marionette::connect(port.expect("it was found")).await }
    }

    /// Has its person type that, from now on, where the browser asks for a password; without one they press Cancel.
    pub async fn person_types(&mut self, secret: Option<&str>) {
        self.marionette.in_browser(PERSON, json!([secret])).await;
    }

    /// Returns what it has asked its person for, since it was last said what they type.
    pub async fn asked(&mut self) -> Vec<String> {
        let asked = self.marionette.in_browser("arguments[0](window.asked)", json!([])).await;
        serde_json::from_value(asked).unwrap()
    }

    /// Goes to an address, and returns what it shows then.
    pub async fn load(&mut self, address: &str) -> Page {
        self.marionette.in_browser(LOAD, json!([address])).await;
        let reading = async {
            // A question that comes up ends the script, not the loading.
            let mut beginning = Value::Null;
            while beginning.is_null() {
                beginning = self.marionette.in_browser(WAIT, json!([])).await;
            }
            loop {
                let page = self.marionette.in_page(READ, json!([beginning])).await;
                if !page.is_null() {
                    return serde_json::from_value(page).unwrap();
                }
            }
        };
        in_time(address, reading).await
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// It chooses among certificates by itself, and does nothing else on its own account.
const SETTINGS: &str = r#"
user_pref("security.default_personal_cert", "Select Automatically");
user_pref("marionette.port", 0);
user_pref("browser.startup.page", 0);
user_pref("browser.chrome.site_icons", false);
user_pref("network.http.speculative-parallel-limit", 0);
"#;

/// Answers for the person, as soon as a question is on the screen.
const PERSON: &str = r#"
const [secret, done] = arguments;
const topic = "common-dialog-loaded";
if (window.person) {
    Services.obs.removeObserver(window.person, topic);
}
window.asked = [];
window.person = {
    observe({ Dialog: { args, ui } }) {
        window.asked.push(args.text);
        // One who is asked again and again gives up.
        if (secret === null || window.asked.length > 9) {
            ui.button1.click();
        } else {
            ui.password1Textbox.value = secret;
            ui.button0.click();
        }
    },
};
Services.obs.addObserver(window.person, topic);
done();
"#;

/// Goes to an address.
const LOAD: &str = r#"
const [address, done] = arguments;
const browser = gBrowser.selectedBrowser;
if (window.progress) {
    browser.removeProgressListener(window.progress);
}
const { LOCATION_CHANGE_ERROR_PAGE, STATE_STOP } = Ci.nsIWebProgressListener;
const { NOTIFY_LOCATION, NOTIFY_STATE_NETWORK } = Ci.nsIWebProgress;
window.loading = new Promise(loaded => {
    let isThere = false;
    // It is held by the browser weakly.
    window.progress = {
        QueryInterface: ChromeUtils.generateQI(["nsIWebProgressListener", "nsISupportsWeakReference"]),
        onLocationChange(from, request, location, flags) {
            isThere ||= from.isTopLevel && location.spec === address;
            // Of an error page nobody hears when it is complete.
            if (isThere && flags & LOCATION_CHANGE_ERROR_PAGE) {
                loaded("about:neterror?");
            }
        },
        onStateChange(from, request, flags) {
            if (isThere && from.isTopLevel && flags & STATE_STOP) {
                loaded(address);
            }
        },
    };
});
browser.addProgressListener(window.progress, NOTIFY_LOCATION | NOTIFY_STATE_NETWORK);
const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal();
browser.loadURI(Services.io.newURI(address), { triggeringPrincipal });
done();
"#;

/// Waits until the page is there, or an error page in its place; gives the beginning of what it says where it is from.
const WAIT: &str = "window.loading.then(arguments[0])";

/// Reads the page, which may still be coming into view; an error page is never complete.
const READ: &str = r#"
const [beginning, done] = arguments;
const { documentURI: address, documentElement, readyState } = document;
const isThere = address.startsWith(beginning) && readyState !== "loading";
done(isThere ? { address, text: documentElement.innerText } : null);
"#;
