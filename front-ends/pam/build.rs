//! How the module is linked.

fn main() {
    // Rust's runtime registers destructors of thread-local values: the code that they call must not be unmapped when the host
    // program ends its PAM transaction.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
