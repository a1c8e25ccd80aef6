use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::ffi;

/// Has OpenSC take its configuration from here: whatever `/etc/opensc/opensc.conf` says was said for others.
///
/// To be called before there is a second thread. The file lives as long as the process.
///
/// # Errors
/// Where there is no memory for it.
pub(crate) fn install() -> io::Result<()> {
    let mut file = File::from(memfd_create("opensc.conf", MemfdFlags::CLOEXEC)?);
    file.write_all(TEXT.as_bytes())?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    ffi::set_environment("OPENSC_CONF", path.as_ref());
    // Left open: OpenSC reads it at each C_Initialize.
    std::mem::forget(file);
    Ok(())
}

/// - `provider_library`: PC/SC through the fence (`ffi`). Its name is empty: the main program.
/// - `lock_login`: nobody else gets at the card between C_Login and C_Logout; the fence ends that transaction.
/// - Pin caching off, so that a PIN is sent when it is told to be, and never again on OpenSC's own account.
/// - `user_pin_unblock_style`: C_SetPIN without a login takes the PUK.
/// - No file cache: it would lie in somebody's home.
const TEXT: &str = r#"
app default {
    debug = 0;
    disable_popups = true;
    enable_default_driver = false;
    reader_driver pcsc {
        provider_library = "";
        connect_exclusive = false;
        disconnect_action = leave;
        transaction_end_action = leave;
        reconnect_action = leave;
        enable_pinpad = true;
    }
    framework pkcs15 {
        use_file_caching = no;
        use_pin_caching = false;
        pin_cache_ignore_user_consent = false;
        pkcs11_enable_InitToken = false;
    }
    pkcs11 {
        lock_login = true;
        atomic = false;
        init_sloppy = false;
        max_virtual_slots = 16;
        slots_per_card = 4;
        user_pin_unblock_style = set_pin_in_unlogged_session;
        create_puk_slot = false;
    }
}
"#;
