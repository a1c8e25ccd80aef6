//! Programs that others wrote, over `libclaviger_pkcs11.so`: each at keys in the local store, on a card and on a phone; one
//! file per program.

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

/// Has something hold for keys at each location, in a test each.
macro_rules! at_each_location {
    ($($what:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $what() {
                super::$what(claviger_tests::clients::Seat::at(claviger_tests::clients::Location::Local).await).await;
            })+
        }
        mod card {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $what() {
                super::$what(claviger_tests::clients::Seat::at(claviger_tests::clients::Location::Card).await).await;
            })+
        }
        mod phone {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $what() {
                super::$what(claviger_tests::clients::Seat::at(claviger_tests::clients::Location::Phone).await).await;
            })+
        }
    };
}

mod asked;
mod browser;
mod gnutls;
mod nss;
mod openssh;
mod openssl;
mod p11tool;
mod pkcs11_tool;
mod pulled;

/// Holds that both are the same.
#[track_caller]
fn same(one: &[u8], other: &[u8]) {
    assert_eq!(String::from_utf8_lossy(one), String::from_utf8_lossy(other));
    assert!(one == other, "they differ");
}
