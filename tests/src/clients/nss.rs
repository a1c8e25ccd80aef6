use super::Seat;

/// Makes a database of NSS's in a new folder of alice's, as the guides say, that knows the module as `Claviger` and trusts the
/// authority; `more` says more of the module.
pub async fn nss_database(seat: &Seat, folder: &str, more: &[&str]) {
    seat.run("mkdir", &["--mode=700", folder]).await.ok();
    let database = format!("sql:{folder}");
    let module = seat.module().to_str().expect("a path of ours");
    seat.run("certutil", &["-N", "-d", &database, "--empty-password"]).await.ok();
    let add = ["-force", "-dbdir", &database, "-add", "Claviger", "-libfile", module];
    seat.run("modutil", &[&add[..], more].concat()).await.ok();
    let trust = ["-A", "-d", &database, "-n", "authority", "-t", "C,,", "-i", "ca.crt"];
    seat.run("certutil", &trust).await.ok();
}

/// Its certificates are read without a login: browsers are told so.
pub(super) const FRIENDLY: [&str; 2] = ["-mechanisms", "FRIENDLY"];
