use std::path::PathBuf;

use clap::{Args, ValueEnum};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::AuthoritySource;
use crate::x509::{Purpose, alternative, name};

/// `claviger key request`
#[derive(Debug, Args)]
pub struct Request {
    /// The key; the default key for signing unless told.
    #[arg(default_value = "", hide_default_value = true)]
    pub key: String,
    /// What the certificate is to say.
    #[command(flatten)]
    pub wanted: Wanted,
    /// How the request is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: CertificateFormat,
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What a certificate is to say of its holder.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the certificate is to say")]
pub struct Wanted {
    /// Whose it is, as in RFC 4514: CN=alice,O=Example.
    #[arg(long, value_name = "NAME", value_parser = name::parse)]
    pub subject: Option<Name>,
    /// A host's name; may be given again.
    #[arg(long, value_name = "NAME", value_parser = alternative::dns)]
    pub dns: Vec<GeneralName>,
    /// An e-mail address; may be given again.
    #[arg(long, value_name = "ADDRESS", value_parser = alternative::email)]
    pub email: Vec<GeneralName>,
    /// An IP address; may be given again.
    #[arg(long, value_name = "ADDRESS", value_parser = alternative::ip)]
    pub ip: Vec<GeneralName>,
    /// A URI; may be given again.
    #[arg(long, value_name = "URI", value_parser = alternative::uri)]
    pub uri: Vec<GeneralName>,
    /// What it is for; anything unless told.
    #[arg(long = "usage", value_name = "PURPOSE", value_enum, value_delimiter = ',')]
    pub purposes: Vec<Purpose>,
}

/// `claviger key certificate`
#[derive(Debug, Args)]
pub struct Certificate {
    /// The key; the default key for signing unless told, except to change something.
    #[arg(default_value = "", hide_default_value = true)]
    pub key: String,
    /// The certificates above it too.
    #[arg(long, conflicts_with_all = CHANGES)]
    pub chain: bool,
    /// Print the certificate alone, so; otherwise words stand before it.
    #[arg(long, value_enum, conflicts_with_all = CHANGES)]
    pub format: Option<CertificateFormat>,
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = CHANGES)]
    pub output: Option<PathBuf>,
    /// Give the key this certificate (PEM or DER; - for standard input). More certificates in the file are its chain, in
    /// any order.
    #[arg(long, value_name = "FILE", requires = "key", visible_alias = "import")]
    pub set: Option<PathBuf>,
    /// Read the chain, or more of it, from this file.
    #[arg(long, value_name = "FILE", requires = "set")]
    pub chain_file: Option<PathBuf>,
    /// Take the certificate away.
    #[arg(long, conflicts_with = "set", requires = "key")]
    pub remove: bool,
    /// Give the key a certificate that it signs itself: for tests, and where the other side takes it by its fingerprint.
    #[arg(long, conflicts_with_all = ["set", "remove"], requires = "key")]
    pub self_signed: bool,
    /// How the self-signed certificate is to be.
    #[command(flatten)]
    pub own: SelfSigned,
    /// Write it to the card too: what the card's administrator knows.
    #[command(flatten)]
    pub authority: AuthoritySource,
}

/// How a self-signed certificate is to be.
#[derive(Debug, Args)]
pub struct SelfSigned {
    /// For how many days a self-signed certificate holds; 365 unless told.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub days: Option<u32>,
    /// A self-signed certificate of an authority, which certifies others.
    #[arg(long)]
    pub ca: bool,
    /// What it is to say.
    #[command(flatten)]
    pub wanted: Wanted,
}

impl SelfSigned {
    /// Returns true where nothing was wished. clap cannot tell: it requires nothing that something else given excludes.
    pub(crate) const fn is_empty(&self) -> bool {
        let Self { days, ca, wanted: Wanted { subject, dns, email, ip, uri, purposes } } = self;
        let is_nameless =
            subject.is_none() && dns.is_empty() && email.is_empty() && ip.is_empty() && uri.is_empty();
        days.is_none() && !*ca && is_nameless && purposes.is_empty()
    }
}

/// How a certificate is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CertificateFormat {
    /// PEM, as OpenSSL reads it.
    #[default]
    Pem,
    /// DER.
    Der,
}

const CHANGES: [&str; 3] = ["set", "remove", "self_signed"];
