//! Certificates: read from the card, told, exported, verified by openssl, replaced, and there while the card is away.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled};
use claviger_tests::openssl::OpenSsl;
use claviger_tests::pcsc::issue::{Issued, PivIssuer};
use claviger_tests::pcsc::{Card, Kind, OpenScSocket, Pcscd};
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, none, option};
use claviger_tests::secret;
use claviger_tests::shell::Shell;
use serde_bytes::{ByteBuf, Bytes};
use zbus::Variant;

use crate::calls::{keys_on, openssl, shell, value};
use crate::desk::{Desk, MANAGEMENT_KEY};

/// Alice's enrolled card, who issued what is on it, and her shell.
struct Scene {
    house: CardHouse,
    card: Enrolled,
    issuer: PivIssuer,
    issued: Issued,
    shell: Shell,
}

impl Scene {
    async fn set() -> Self {
        let house = CardHouse::open().await;
        let (card, issuer, issued) = tokio::task::block_in_place(|| {
            let card = Card::insert(&house.pcscd, 0, Kind::Piv);
            let issuer = PivIssuer::new(&house.pcscd, &card);
            let issued = issuer.key("9a", "ECCP256");
            (card, issuer, issued)
        });
        let alice = house.visitor(&Person::alice()).await;
        let card = Enrolled::enrol(&house.house, alice, card).await;
        let shell = shell(&house, &Person::alice());
        Self { house, card, issuer, issued, shell }
    }

    fn alice(&self) -> &Peer {
        &self.card.owner
    }

    /// What the daemon keeps.
    async fn kept(&self) -> Vec<Vec<u8>> {
        certificates(self.alice(), &self.card.key).await
    }

    /// What the card says, as the daemon reads it.
    async fn on_card(&self) -> Vec<Vec<u8>> {
        let keys = keys_on(self.alice(), &self.card.token).await;
        let (_, key) = keys.iter().find(|(slot, _)| slot == "9a").expect("the key");
        value::<Vec<Vec<u8>>>(&key["certificates"])
    }

    /// What the card says, as another program reads it; nothing where it has none.
    fn read_by_others(&self) -> Option<Vec<u8>> {
        let words = ["-s", "9a", "-a", "read-certificate", "-K", "DER"];
        let ran = tokio::task::block_in_place(|| self.issuer.tool(&words));
        Some(ran.stdout).filter(|certificate| ran.code == Some(0) && !certificate.is_empty())
    }

    /// Has the issuer certify the card's key again, off the card: another certificate of the same key.
    fn another_certificate(&self) -> Vec<u8> {
        let folder = self.issuer.folder();
        openssl(
            folder,
            "x509 -req -in any.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -force_pubkey 9a.pub \
             -outform DER -out again.der",
        );
        std::fs::read(folder.join("again.der")).unwrap()
    }

    async fn set_certificate(&self, certificate: &[u8], options: Options) -> Result<(), Refusal> {
        let body = (self.card.key.as_str(), Bytes::new(certificate), options);
        self.alice().call("Keys", "SetCertificate", &body).await
    }
}

async fn certificates(peer: &Peer, key: &str) -> Vec<Vec<u8>> {
    let certificates: Vec<ByteBuf> = peer.call("Keys", "GetCertificates", &(key, none())).await.unwrap();
    certificates.into_iter().map(ByteBuf::into_vec).collect()
}

fn authority(key: &[u8]) -> Options {
    option("authority", secret::pipe(key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_put_on_the_card_is_shown_and_exported_and_openssl_verifies_it() {
    let scene = Scene::set().await;
    let Scene { card, issuer, issued, shell, .. } = &scene;
    assert_eq!(*scene.kept().await, *std::slice::from_ref(&issued.certificate));
    assert_eq!(*scene.on_card().await, *std::slice::from_ref(&issued.certificate));

    let key = &card.key;
    let told = shell.claviger(&format!("key certificate {key}")).await.ok();
    assert!(told.text().contains("CN=Holder") && told.text().contains("CN=Issuer"), "{told:?}");
    let shown = shell.claviger("card show").await.ok();
    assert!(shown.text().contains("CN=Holder"), "{shown:?}");
    shell.claviger(&format!("key certificate {key} --format der -o cert.der")).await.ok();
    assert_eq!(shell.read("cert.der"), issued.certificate);
    shell.claviger(&format!("key certificate {key} --format pem -o cert.pem")).await.ok();

    let witness = OpenSsl::new();
    witness.file("ca.pem", &issuer.authority());
    witness.file("cert.pem", &shell.read("cert.pem"));
    let verified = witness.run("verify -CAfile ca.pem cert.pem", b"").await.ok();
    assert!(verified.text().ends_with("OK"), "{verified:?}");
    let public = witness.run("x509 -in cert.pem -noout -pubkey", b"").await.ok();
    let der = witness.run("pkey -pubin -outform DER", &public.stdout).await.ok().stdout;
    assert_eq!(der, card.public_key, "it certifies the key that signs");
}

/// A card without metadata shows no difference between a key's certificate and one that somebody put there to be at hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authoritys_certificate_on_the_card_is_no_key_and_makes_the_chain() {
    let house = CardHouse::open().await;
    let (card, issuer, issued) = tokio::task::block_in_place(|| {
        let card = Card::insert(&house.pcscd, 0, Kind::Piv);
        let issuer = PivIssuer::new(&house.pcscd, &card);
        let issued = issuer.key("9a", "ECCP256");
        let ran = issuer.tool(&["-s", "82", "-a", "import-certificate", "-i", "ca.crt"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        (card, issuer, issued)
    });
    openssl(issuer.folder(), "x509 -in ca.crt -outform DER -out authority.der");
    let authority = std::fs::read(issuer.folder().join("authority.der")).unwrap();
    let alice = house.visitor(&Person::alice()).await;
    let card = Enrolled::enrol(&house.house, alice, card).await;
    let keys = keys_on(&card.owner, &card.token).await;
    assert_eq!(keys.iter().map(|(slot, _)| slot.as_str()).collect::<Vec<_>>(), ["9a"]);
    assert_eq!(certificates(&card.owner, &card.key).await, [issued.certificate, authority]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_is_kept_exported_and_verified_through_its_middle() {
    let scene = Scene::set().await;
    let Scene { card, issuer, issued, shell, .. } = &scene;
    // Above the issuer of the card's certificate stands a root of its own; the issuer is the middle then.
    tokio::task::block_in_place(|| {
        let folder = issuer.folder();
        openssl(
            folder,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -subj /CN=Root \
             -keyout root.key -out root.crt",
        );
        std::fs::write(folder.join("ca.ext"), "basicConstraints=critical,CA:TRUE\n").unwrap();
        openssl(folder, "req -new -key ca.key -subj /CN=Issuer -out ca.csr");
        openssl(
            folder,
            "x509 -req -in ca.csr -CA root.crt -CAkey root.key -CAcreateserial -days 30 -extfile ca.ext \
             -out middle.crt",
        );
        openssl(folder, "x509 -in middle.crt -outform DER -out middle.der");
    });
    let read = |name: &str| std::fs::read(issuer.folder().join(name)).unwrap();
    let (key, middle) = (&card.key, read("middle.der"));
    shell.file("own.der", &issued.certificate).file("middle.crt", read("middle.crt"));
    shell.claviger(&format!("key certificate {key} --set own.der --chain-file middle.crt")).await.ok();
    assert_eq!(scene.kept().await, [issued.certificate.clone(), middle]);

    shell.claviger(&format!("key certificate {key} --chain --format pem -o chain.pem")).await.ok();
    let witness = OpenSsl::new();
    witness.file("root.pem", &read("root.crt"));
    witness.file("chain.pem", &shell.read("chain.pem"));
    let verified = witness.run("verify -CAfile root.pem -untrusted chain.pem chain.pem", b"").await.ok();
    assert!(verified.text().ends_with("OK"), "{verified:?}");
    shell.claviger(&format!("key certificate {key} --format pem -o alone.pem")).await.ok();
    witness.file("alone.pem", &shell.read("alone.pem"));
    let alone = witness.run("verify -CAfile root.pem alone.pem", b"").await;
    assert_ne!(alone.code, Some(0), "the control: without the middle it cannot be verified");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_set_here_alone_without_the_management_key_and_on_the_card_with_it() {
    let scene = Scene::set().await;
    let first = scene.issued.certificate.clone();
    let second = tokio::task::block_in_place(|| scene.another_certificate());
    assert_ne!(first, second);

    scene.set_certificate(&second, none()).await.unwrap();
    assert_eq!(*scene.kept().await, *std::slice::from_ref(&second));
    assert_eq!(scene.read_by_others(), Some(first.clone()), "nothing was written to the card");

    scene.set_certificate(&first, authority(&[7; 24])).await.refused("AccessDenied");
    assert_eq!(*scene.kept().await, *std::slice::from_ref(&second), "nothing was changed here either");

    scene.set_certificate(&second, authority(MANAGEMENT_KEY)).await.unwrap();
    assert_eq!(scene.read_by_others(), Some(second.clone()));
    assert_eq!(*scene.on_card().await, *std::slice::from_ref(&second));

    let key = &scene.card.key;
    scene.shell.file("first.der", &first);
    let set = format!("key certificate {key} --set first.der --default-management-key");
    scene.shell.claviger(&set).await.ok();
    assert_eq!((scene.read_by_others(), scene.kept().await), (Some(first.clone()), vec![first]));
    scene.card.sign().await.expect("the key is as it was");

    scene.set_certificate(b"", authority(MANAGEMENT_KEY)).await.unwrap();
    assert_eq!((scene.read_by_others(), scene.kept().await), (None, vec![]));
    scene.card.sign().await.expect("a key that is known needs no certificate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_the_cards_key_is_answered_and_its_chain_set_in_any_order() {
    let scene = Scene::set().await;
    let Scene { card, issuer, shell, .. } = &scene;
    let key = &card.key;
    let words = format!(
        "key request {key} --subject CN=alice,O=Example --email alice@example.org --usage client -o csr"
    );
    shell.claviger(&words).await.ok();
    let ran = shell.run("openssl", "req -in csr -verify -noout").await.ok();
    assert!(ran.stderr.contains("verify OK"), "{ran:?}");
    tokio::task::block_in_place(|| {
        let folder = issuer.folder();
        std::fs::write(folder.join("alice.csr"), shell.read("csr")).unwrap();
        openssl(
            folder,
            "x509 -req -in alice.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -copy_extensions copyall \
             -outform DER -out alice.der",
        );
        openssl(folder, "x509 -inform DER -in alice.der -out alice.crt");
    });
    let read = |name: &str| std::fs::read(issuer.folder().join(name)).unwrap();
    let own = read("alice.der");
    shell.file("chain.pem", [read("ca.crt"), read("alice.crt")].concat());
    let set = format!("key certificate {key} --set chain.pem --default-management-key");
    let told = shell.claviger(&set).await.ok();
    assert_eq!(told.text(), "the certificate is set, with 1 above it, and written to the card");
    assert_eq!(scene.kept().await[0], own);
    assert_eq!(scene.kept().await.len(), 2);
    assert_eq!(scene.read_by_others(), Some(own), "the key's own alone is on the card");
    shell.claviger(&format!("key certificate {key} --format pem -o alone.pem")).await.ok();
    shell.file("ca.crt", read("ca.crt"));
    let verified = shell.run("openssl", "verify -purpose sslclient -CAfile ca.crt alone.pem").await.ok();
    assert!(verified.text().ends_with("OK"), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cards_key_signs_its_own_certificate() {
    let scene = Scene::set().await;
    let Scene { card, shell, .. } = &scene;
    let key = &card.key;
    let made = format!(
        "key certificate {key} --self-signed --subject CN=alice --usage client --default-management-key"
    );
    let ran = shell.claviger(&made).await;
    assert_eq!(ran.code, Some(1), "the issuer's certificate is not lost: {ran:?}");
    shell.claviger(&format!("key certificate {key} --remove")).await.ok();
    shell.claviger(&made).await.ok();
    shell.claviger(&format!("key certificate {key} --format pem -o own.pem")).await.ok();
    let verified =
        shell.run("openssl", "verify -check_ss_sig -purpose sslclient -CAfile own.pem own.pem").await.ok();
    assert!(verified.text().ends_with("OK"), "{verified:?}");
    assert_eq!(scene.read_by_others(), scene.kept().await.first().cloned(), "it is on the card too");
    shell.claviger("card lock").await.ok();
    let ran = shell.claviger(&format!("key request {key} --subject CN=alice")).await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("claviger card unlock"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_certificate_of_the_key_is_refused() {
    let scene = Scene::set().await;
    let own = scene.issued.certificate.clone();
    let authority_pem = scene.issuer.authority();
    let others = OpenSsl::new().run("x509 -outform DER", &authority_pem).await.ok().stdout;
    let cut = &own[..own.len() - 1];
    for junk in [others.as_slice(), cut, b"junk", &[0x30; 20_000]] {
        for options in [none(), authority(MANAGEMENT_KEY)] {
            scene.set_certificate(junk, options).await.refused("DataInvalid");
        }
    }
    let chain = |links: Vec<Vec<u8>>| option("chain", Variant::new(links));
    scene.set_certificate(&own, chain(vec![b"junk".to_vec()])).await.refused("DataInvalid");
    scene.set_certificate(&own, chain(vec![others; 10])).await.refused("DataInvalid");
    assert_eq!(*scene.kept().await, *std::slice::from_ref(&own));
    assert_eq!(scene.read_by_others(), Some(own));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_keys_and_certificates_are_there_while_the_card_is_away() {
    let mut scene = Scene::set().await;
    scene.card.pull().await;
    let bob = scene.house.visitor(&Person::bob()).await;
    let name = scene.alice().person.name.clone();
    let keys: Vec<(String, Attributes)> =
        bob.call("Public", "GetPublicKeys", &(name.as_str(), none())).await.unwrap();
    let [(id, key)] = keys.as_slice() else { panic!("one key: {keys:?}") };
    assert_eq!(*id, scene.card.key);
    assert_eq!(value::<Vec<u8>>(&key["public-key"]), scene.card.public_key);
    assert_eq!(value::<Vec<u8>>(&key["certificate"]), scene.issued.certificate);
    assert!(!key.contains_key("tokens") && !key.contains_key("label"), "no more than is public: {key:?}");

    assert_eq!(*scene.kept().await, *std::slice::from_ref(&scene.issued.certificate));
    assert_eq!(scene.alice().public_key(&scene.card.key).await.unwrap(), scene.card.public_key);
    scene.shell.claviger(&format!("key certificate {} --format der -o cert.der", scene.card.key)).await.ok();
    assert_eq!(scene.shell.read("cert.der"), scene.issued.certificate);
    let another = tokio::task::block_in_place(|| scene.another_certificate());
    // A card that leaves is locked, and an account without a local store with it.
    scene.set_certificate(&another, authority(MANAGEMENT_KEY)).await.refused("PinNeeded");
    assert_eq!(*scene.kept().await, *std::slice::from_ref(&scene.issued.certificate));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_does_not_attest_says_so_and_so_does_a_local_key() {
    let mut scene = Scene::set().await;
    let attest = async |scene: &Scene, key: &str| -> Result<Vec<ByteBuf>, Refusal> {
        scene.alice().call("Keys", "Attest", &(key, none())).await
    };
    let refusal = attest(&scene, &scene.card.key).await.refused("NotSupported");
    assert!(refusal.text.contains("attest"), "{refusal}");
    let ran = scene.shell.claviger(&format!("key attest {}", scene.card.key)).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    scene.alice().register(claviger_tests::account::PASSPHRASE).await.unwrap();
    scene.alice().unlock(claviger_tests::account::PASSPHRASE).await.unwrap();
    let body = ("P-256", option("location", "local"));
    let local: String = scene.alice().call("Keys", "GenerateKey", &body).await.unwrap();
    attest(&scene, &local).await.refused("NotSupported");
    scene.card.pull().await;
    attest(&scene, &scene.card.key).await.refused("TokenAbsent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificates_of_a_common_access_card_are_read_through_opensc() {
    let pcscd = Pcscd::start();
    let opensc = OpenScSocket::listen(&pcscd).await;
    let line = format!("opensc-socket = \"{}\"\n", opensc.path().display());
    let house = CardHouse::beside(pcscd, &line).await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Cac));
    let desk = Desk::at(house, card, "77777777").await;
    let keys = desk.alice.keys().await.unwrap();
    assert_eq!(keys.len(), 3);
    for (id, key) in keys {
        let certificates = certificates(&desk.alice, &id).await;
        let witness = OpenSsl::new();
        witness.file("cert.der", &certificates[0]);
        let public = witness.run("x509 -inform DER -in cert.der -noout -pubkey", b"").await.ok();
        let der = witness.run("pkey -pubin -outform DER", &public.stdout).await.ok().stdout;
        assert_eq!(der, value::<Vec<u8>>(&key["public-key"]), "{id}");
    }
}
