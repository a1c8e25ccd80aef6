use std::path::PathBuf;

use crate::openssl::OpenSsl;

/// Who certifies alice's keys, and a server's: openssl, with a folder of its own.
pub struct Authority {
    openssl: OpenSsl,
}

impl Authority {
    /// Makes its key and its own certificate.
    pub async fn new() -> Self {
        let openssl = OpenSsl::new();
        let own = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=Authority \
                   -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.crt";
        openssl.run(own, b"").await.ok();
        // Its key is replaced by the one that is certified.
        openssl.run("req -new -key ca.key -subj /CN=alice -out any.csr", b"").await.ok();
        openssl.file("alice.ext", b"keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n");
        openssl
            .file("server.ext", b"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
        let server = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
                      -keyout server.key -out server.csr";
        openssl.run(server, b"").await.ok();
        let certify = "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
                       -extfile server.ext -out server.crt";
        openssl.run(certify, b"").await.ok();
        Self { openssl }
    }

    /// Certifies a public key (DER SubjectPublicKeyInfo) as alice's, and returns the certificate, DER.
    pub async fn certify(&self, public_key: &[u8]) -> Vec<u8> {
        self.openssl.run("pkey -pubin -inform DER -pubout -out alice.pub", public_key).await.ok();
        let words = "x509 -req -in any.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 \
                     -force_pubkey alice.pub -extfile alice.ext -outform DER";
        self.openssl.run(words, b"").await.ok().stdout
    }

    /// Returns where its certificate is, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.openssl.path("ca.crt")
    }

    /// Returns where a server's certificate and key are, PEM; the server is `localhost`.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.openssl.path("server.crt"), self.openssl.path("server.key"))
    }
}
