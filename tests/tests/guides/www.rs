//! `www.example.org`: a web server that lets nobody in without a certificate, and the authority that gives those out.

use claviger_tests::lab::Guest;

/// Starts the server in the guest, and gives alice the authority's certificate.
pub(crate) async fn begin(guest: &Guest) {
    guest.run(BEGIN).await.ok();
    guest.until("ss --listening --tcp --no-header 'sport = 443' | grep -q .").await;
}

/// Certifies what alice asked for.
pub(crate) async fn certify(guest: &Guest) {
    guest.run(CERTIFY).await.ok();
}

/// Waits until the server let alice in so many times.
pub(crate) async fn until_seen(guest: &Guest, times: usize) {
    guest
        .until(&format!("[ $(journalctl --quiet --unit www | grep -c 'depth=0.*CN = Alice') -ge {times} ]"))
        .await;
}

const BEGIN: &str = "
set -e
echo '127.0.0.1 www.example.org' >>/etc/hosts
mkdir /srv/tls
cd /srv/tls
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Authority -days 30
openssl req -newkey rsa:2048 -nodes -keyout www.key -out www.csr -subj /CN=www.example.org \\
    -addext subjectAltName=DNS:www.example.org
openssl x509 -req -in www.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out www.pem -days 30 -copy_extensions copy
install -o alice -g alice ca.pem /home/alice/ca.pem
systemd-run --quiet --unit www --property WorkingDirectory=/srv/tls \\
    openssl s_server -accept 443 -cert www.pem -key www.key -CAfile ca.pem -Verify 1 -verify_return_error -www
";

const CERTIFY: &str = "
set -e
cd /home/alice
for name in tls mail; do
    openssl x509 -req -in $name.csr -CA /srv/tls/ca.pem -CAkey /srv/tls/ca.key -CAcreateserial \\
        -out $name.pem -days 30 -copy_extensions copy
    chown alice: $name.pem
done
";
