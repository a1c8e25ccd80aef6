//! Links libpcsclite, and puts the functions of `src/ffi.rs` that stand in for its own where OpenSC looks for them: it
//! is told to take PC/SC from the main program.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=dylib=pcsclite");
    for name in
        ["SCardListReaders", "SCardTransmit", "SCardControl", "SCardEndTransaction", "SCardDisconnect"]
    {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={name}");
    }
}
