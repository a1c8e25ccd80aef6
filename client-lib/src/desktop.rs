//! What the person is told outside of any program: the desktop's notifications.

use std::collections::HashMap;
use std::time::Duration;

use zbus::Variant;

use crate::Error;

/// Shows a notification on the session bus: a line, and a text that is plain, for it may come from anybody.
///
/// Errors: [`Error::NoBus`] without a session bus, others where nobody shows notifications.
pub async fn notify(summary: &str, text: &str) -> Result<(), Error> {
    let builder = zbus::connection::Builder::session().method_timeout(PATIENCE);
    let connection = builder.build().await.map_err(Error::NoBus)?;
    // Servers of notifications may take the text for markup.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let hints = HashMap::from([("urgency", Variant::from(CRITICAL))]);
    let nothing: &[&str] = &[];
    connection
        .call_method(
            Some(NAME),
            "/org/freedesktop/Notifications",
            Some(NAME),
            "Notify",
            &("Claviger", 0_u32, "dialog-password", summary, text, nothing, hints, -1_i32),
        )
        .await
        .map_err(|error| Error::from(claviger_dbus::Failure::from(error)))?;
    Ok(())
}

const NAME: &str = "org.freedesktop.Notifications";

/// The urgency that is not taken away by itself.
const CRITICAL: u8 = 2;

/// How long the desktop may take.
const PATIENCE: Duration = Duration::from_secs(5);
