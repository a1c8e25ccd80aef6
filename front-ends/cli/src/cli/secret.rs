use std::path::PathBuf;

use clap::Args;

use crate::authority::Authority;
use crate::secrets::Source;

/// Defines where one kind of secret comes from: the terminal unless one of two options is given.
macro_rules! source {
    ($(#[$about:meta])* $name:ident, $option:literal, $descriptor:literal, $file:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, Args)]
        pub struct $name {
            /// Read it from this descriptor instead of asking; one new line at its end is stripped.
            #[arg(id = $descriptor, long = $descriptor, value_name = "N", conflicts_with = $file)]
            descriptor: Option<u32>,
            /// Read it from this file (- for standard input) instead of asking; one new line at its end is stripped.
            #[arg(id = $file, long = $file, value_name = "FILE")]
            file: Option<PathBuf>,
        }

        impl $name {
            /// Returns where it comes from.
            pub(crate) fn source(&self) -> Source {
                Source::from_options($option, self.descriptor, self.file.clone())
            }
        }
    };
}

source!(
    /// Where the pass phrase comes from.
    PassphraseSource, "passphrase", "passphrase-fd", "passphrase-file"
);
source!(
    /// Where the new pass phrase comes from.
    NewPassphraseSource, "new-passphrase", "new-passphrase-fd", "new-passphrase-file"
);
source!(
    /// Where the consent phrase comes from.
    ConsentSource, "consent", "consent-fd", "consent-file"
);
source!(
    /// Where the recovery code comes from.
    CodeSource, "code", "code-fd", "code-file"
);
source!(
    /// Where a card's PIN comes from.
    PinSource, "pin", "pin-fd", "pin-file"
);
source!(
    /// Where a card's new PIN comes from.
    NewPinSource, "new-pin", "new-pin-fd", "new-pin-file"
);
source!(
    /// Where a card's PUK comes from.
    PukSource, "puk", "puk-fd", "puk-file"
);

/// What a card's administrator knows. On a terminal it is asked for where the card wants it.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub struct AuthoritySource {
    /// Read the PIV card's management key from this descriptor: 16, 24 or 32 bytes, as they are or in hexadecimal.
    #[arg(long, value_name = "N")]
    management_key_fd: Option<u32>,
    /// Read the PIV card's management key from this file (- for standard input).
    #[arg(long, value_name = "FILE")]
    management_key_file: Option<PathBuf>,
    /// Use the management key that PIV cards have when they leave the factory (3DES, three times 01 to 08). Everybody
    /// knows it: whoever holds such a card can replace its keys. Give the card another one, for example with
    /// `yubico-piv-tool -a set-mgm-key`.
    #[arg(long)]
    default_management_key: bool,
    /// Read the OpenPGP card's Admin PIN from this descriptor; one new line at its end is stripped.
    #[arg(long, value_name = "N")]
    admin_pin_fd: Option<u32>,
    /// Read the OpenPGP card's Admin PIN from this file (- for standard input); one new line at its end is stripped.
    #[arg(long, value_name = "FILE")]
    admin_pin_file: Option<PathBuf>,
}

impl AuthoritySource {
    /// Returns where it comes from.
    pub(crate) fn authority(&self) -> Authority {
        let Self {
            management_key_fd,
            management_key_file,
            default_management_key,
            admin_pin_fd,
            admin_pin_file,
        } = self.clone();
        Authority::from_options(
            default_management_key,
            (management_key_fd, management_key_file),
            (admin_pin_fd, admin_pin_file),
        )
    }
}
