/// Returns this boot's id, 32 hexadecimal digits; empty where nobody tells.
///
/// Under the unit's sandbox `/proc/sys` is not there (`ProcSubset=pid`), so systemd says it in the environment (`%b`).
/// Without it the time at which a session began still tells it from one of another boot.
pub(super) fn boot_id() -> String {
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let told = std::env::var(VARIABLE).ok().or_else(kernel).and_then(|text| parse(&text));
    if told.is_none() {
        tracing::warn!("cannot tell which boot this is: neither {VARIABLE} nor /proc says so");
    }
    told.unwrap_or_default()
}

/// Both ways to write it mean the same: with hyphens, as the kernel does, and without.
fn parse(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|digit| *digit != '-').collect();
    let well = digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    well.then(|| digits.to_ascii_lowercase())
}

const VARIABLE: &str = "CLAVIGER_BOOT_ID";

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_kernels_and_systemds_way_to_write_a_boot_are_the_same_boot() {
        let kernel = parse("0b1a2c3d-4e5f-6071-8293-a4b5c6d7e8f9\n");
        assert_eq!(kernel.as_deref(), Some("0b1a2c3d4e5f60718293a4b5c6d7e8f9"));
        assert_eq!(kernel, parse("0B1A2C3D4E5F60718293A4B5C6D7E8F9"));
        for text in ["", "%b", "0b1a2c3d4e5f60718293a4b5c6d7e8f", "0b1a2c3d4e5f60718293a4b5c6d7e8fx"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
