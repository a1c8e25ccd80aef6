//! What X.509 (RFC 5280) and PKCS#10 (RFC 2986) want written: names, what a key may be used for, requests, certificates.
//!
//! The types are x509-cert's; the signatures are the key store's, so that nothing here holds a private key.
//!
//! | file | noun |
//! | --- | --- |
//! | `name` | whose it is: RFC 4514 to a Name |
//! | `alternative` | the other names: DNS, e-mail, IP, URI |
//! | `usage` | what for: [`Purpose`], and the extensions that say so |
//! | `document` | requests and self-signed certificates, signed |
//! | `chain` | certificates in their order, from the key's own up |

pub(crate) mod alternative;
pub(crate) mod chain;
pub(crate) mod document;
pub(crate) mod name;
pub(crate) mod usage;

pub(crate) use usage::Purpose;
