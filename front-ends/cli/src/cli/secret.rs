use std::path::PathBuf;

use clap::Args;

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
