//! A machine with a kernel of its own, for what a container has not: disks.

use crate::bluetooth::guest::{boot_for, is_inside};
use crate::lab::claviger::Installed;

/// Runs a test's body in a machine of its own, as root beside Debian's systemd, with Claviger and a phone's program
/// installed and not started.
///
/// Outside, this boots a User-Mode Linux that runs this test of this test program, and fails with everything that was said
/// there if it fails there. Inside, it runs the body. It takes ten seconds more than a container.
pub async fn in_machine<Body: AsyncFnOnce()>(body: Body) {
    if is_inside() {
        return body().await;
    }
    let (installed, phones) = (Installed::shared(), Installed::phones());
    boot_for::<Body>(&[installed.path(), phones.path(), super::root()]).await;
}
