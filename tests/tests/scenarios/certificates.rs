//! Certificates from the command line: requests that openssl verifies and answers, chains that come back, and
//! certificates that keys give themselves.

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::command::Ran;
use claviger_tests::house::House;
use claviger_tests::shell::Shell;
use serde_json::Value;

/// Alice, registered and unlocked, without a key but those she makes.
async fn alice(house: &House) -> Shell {
    let shell = Shell::new(&house.bus, &Person::alice());
    shell.file("passphrase", PASSPHRASE);
    shell.claviger("register --passphrase-file passphrase").await.ok();
    shell.claviger("unlock --passphrase-file passphrase").await.ok();
    shell
}

async fn make(shell: &Shell, algorithm: &str, label: &str) {
    shell.claviger(&format!("key generate {algorithm} --label {label}")).await.ok();
}

/// A root and an authority below it, openssl's own.
async fn authorities(shell: &Shell) {
    shell.file("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
    for words in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -subj /CN=Root -keyout root.key -out root.crt",
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Middle -keyout middle.key -out middle.csr",
        "x509 -req -in middle.csr -CA root.crt -CAkey root.key -CAcreateserial -days 20 -extfile ca.ext -out middle.crt",
    ] {
        shell.run("openssl", words).await.ok();
    }
}

/// Has the middle authority answer a request, and returns the certificate (PEM).
async fn issue(shell: &Shell, request: &str, more: &str) -> Vec<u8> {
    let words = format!(
        "x509 -req -in {request} -CA middle.crt -CAkey middle.key -CAcreateserial -copy_extensions copyall {more}"
    );
    shell.run("openssl", &words).await.ok().stdout
}

/// Returns what openssl says, without line ends and spaces.
fn packed(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.stdout).split_whitespace().collect()
}

#[tokio::test]
async fn openssl_verifies_the_requests_of_every_kind_of_key_that_it_knows() {
    let house = House::open().await;
    let shell = alice(&house).await;
    for algorithm in ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "RSA-3072"] {
        make(&shell, algorithm, algorithm).await;
        for format in ["pem", "der"] {
            let words =
                format!("key request {algorithm} --subject CN=alice,O=Example --format {format} -o csr");
            shell.claviger(&words).await.ok();
            let ran =
                shell.run("openssl", &format!("req -in csr -inform {format} -verify -noout")).await.ok();
            let said = &ran.stderr;
            // It ends with 0 for a wrong signature too.
            assert!(said.contains("self-signature verify OK"), "{algorithm}: {said}");
        }
        let public = shell.run("openssl", "req -in csr -inform der -noout -pubkey").await.ok().stdout;
        let ours = shell.claviger(&format!("key show {algorithm} --public")).await.ok().stdout;
        assert_eq!(public, ours, "{algorithm}");
        let mut csr = shell.read("csr");
        let last = csr.len() - 1;
        csr[last] ^= 1;
        shell.file("damaged", csr);
        let ran = shell.run("openssl", "req -in damaged -inform der -verify -noout").await;
        assert!(!ran.stderr.contains("verify OK"), "the control: {ran:?}");
    }
}

#[tokio::test]
async fn a_request_says_whose_it_is_and_what_for() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "RSA-2048", "rsa").await;
    let words = "key request rsa --subject UID=alice+CN=Alice\\,\\20A,OU=Desk,O=Example,C=DE --dns a.example.org --dns *.b.org \
                 --email alice@example.org --ip 127.0.0.1 --ip 2001:db8::1 --uri spiffe://example.org/alice \
                 --usage client,server,email,codesigning";
    shell.file("csr", shell.claviger(words).await.ok().stdout);
    let ran = shell.run("openssl", "req -in csr -verify -noout -text -nameopt RFC2253").await.ok();
    let text = packed(&ran);
    for part in [
        "Subject:UID=alice+CN=Alice\\,A,OU=Desk,O=Example,C=DE",
        "DNS:a.example.org,DNS:*.b.org,email:alice@example.org,IPAddress:127.0.0.1,IPAddress:2001:DB8:0:0:0:0:0:1,\
         URI:spiffe://example.org/alice",
        "X509v3KeyUsage:criticalDigitalSignature,KeyEncipherment",
        "TLSWebClientAuthentication,TLSWebServerAuthentication,E-mailProtection,CodeSigning",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json: Value =
        serde_json::from_slice(&shell.claviger("--json key request rsa --subject CN=a").await.ok().stdout)
            .unwrap();
    assert!(json["request"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
    // Nobody but other names.
    shell.claviger("key request rsa --email alice@example.org -o csr").await.ok();
    let text = packed(&shell.run("openssl", "req -in csr -verify -noout -text").await.ok());
    assert!(text.contains("AlternativeName:criticalemail:alice@example.org"), "{text}");
}

/// openssl 3.0 has no ML-DSA, but it takes a request apart: the key store verifies what was signed.
#[tokio::test]
async fn a_request_of_an_ml_dsa_key_carries_its_signature() {
    let house = House::open().await;
    let shell = alice(&house).await;
    for (algorithm, number) in [("ML-DSA-44", "17"), ("ML-DSA-65", "18"), ("ML-DSA-87", "19")] {
        make(&shell, algorithm, algorithm).await;
        let words = format!("key request {algorithm} --subject CN=alice --usage client --format der -o csr");
        shell.claviger(&words).await.ok();
        let told = shell.run("openssl", "asn1parse -inform DER -in csr").await.ok();
        let told = told.text();
        // The lines of depth 1: what was signed, with which algorithm, the signature.
        let offsets: Vec<&str> = told
            .lines()
            .filter(|line| line.contains("d=1 "))
            .map(|line| line.trim().split(':').next().unwrap())
            .collect();
        let [signed, _, signature] = offsets.as_slice() else { panic!("three parts: {told}") };
        shell
            .run("openssl", &format!("asn1parse -inform DER -in csr -strparse {signed} -noout -out signed"))
            .await
            .ok();
        shell
            .run(
                "openssl",
                &format!("asn1parse -inform DER -in csr -strparse {signature} -noout -out signature"),
            )
            .await;
        let verify = format!("verify --key {algorithm} --signature signature signed");
        shell.claviger(&verify).await.ok();
        let oid = format!("2.16.840.1.101.3.4.3.{number}");
        assert_eq!(told.matches(&oid).count(), 2, "of the key and of the signature: {told}");
    }
}

#[tokio::test]
async fn what_an_authority_answers_comes_back_with_its_chain_in_any_order() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "P-256", "mail").await;
    authorities(&shell).await;
    shell
        .claviger("key request mail --subject CN=alice --email alice@example.org --usage client,email -o csr")
        .await
        .ok();
    let own = issue(&shell, "csr", "-days 10").await;
    let (middle, root) = (shell.read("middle.crt"), shell.read("root.crt"));
    shell.file("own.pem", &own).file("chain.pem", [root.as_slice(), b"the key's:\n", &own, &middle].concat());

    let set = shell.claviger("key certificate mail --import chain.pem").await.ok();
    assert_eq!((set.text(), set.stderr.as_str()), ("the certificate is set, with 2 above it", ""));
    shell.claviger("key certificate mail --chain --format pem -o exported.pem").await.ok();
    let exported = shell.read("exported.pem");
    assert_eq!(exported, [own.as_slice(), &middle, &root].concat(), "in order, and as openssl writes them");
    let verify = "verify -purpose sslclient -CAfile root.crt -untrusted exported.pem exported.pem";
    assert!(shell.run("openssl", verify).await.ok().text().ends_with("OK"));
    shell.claviger("key certificate mail --format der -o own.der").await.ok();
    let pem = shell.run("openssl", "x509 -inform DER -in own.der").await.ok().stdout;
    assert_eq!(pem, own);

    let told = shell.claviger("key certificate mail").await.ok();
    let fingerprint = shell.run("openssl", "x509 -in own.pem -noout -fingerprint -sha256").await.ok();
    let fingerprint = fingerprint.text().split_once('=').unwrap().1.replace(':', "").to_lowercase();
    for part in ["CN=alice", "CN=Middle", "email:alice@example.org", "client, email", &fingerprint] {
        assert!(told.text().contains(part), "{part} in {told:?}");
    }
    let json = shell.claviger("--json key certificate mail --chain").await.ok();
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    let first = &json["certificates"][0];
    assert_eq!(first["sha-256"], *fingerprint);
    assert_eq!(first["names"], serde_json::json!(["email:alice@example.org"]));
    assert_eq!((&first["authority"], &json["certificates"][1]["authority"]), (&false.into(), &true.into()));

    // A certificate in DER alone takes the chain's place; the key's own certificate is not lost to a self-signed one.
    shell.claviger("key certificate mail --set own.der --chain-file middle.crt").await.ok();
    let ran = shell.claviger("key certificate mail --self-signed").await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("CN=Middle"), "{ran:?}");
    shell.claviger("key certificate mail --remove").await.ok();
    let ran = shell.claviger("key certificate mail").await;
    assert!(ran.code == Some(1) && ran.stderr.contains("--set FILE"), "{ran:?}");
}

/// Runs what must fail with this code, and returns what it says.
async fn fails(shell: &Shell, words: &str, code: i32) -> String {
    let ran = shell.claviger(words).await;
    assert_eq!(ran.code, Some(code), "{words}: {ran:?}");
    ran.stderr
}

#[tokio::test]
async fn what_is_no_certificate_of_the_key_is_refused_with_a_reason() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "P-256", "one").await;
    make(&shell, "Ed25519", "two").await;
    authorities(&shell).await;
    shell.claviger("key request two --subject CN=two -o csr").await.ok();
    shell.file("two.crt", issue(&shell, "csr", "-days 10").await);
    shell.run("openssl", "crl2pkcs7 -nocrl -certfile two.crt -out two.p7").await.ok();
    let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    shell.file("junk", "junk").file("empty", "").file("body", pem("!!!!")).file("der", pem("MAMCAQE="));
    shell.file("cut", &shell.read("two.crt")[..200]);

    for (file, said) in [
        ("junk", "no certificate"),
        ("empty", "no certificate"),
        ("body", "Base64"),
        ("der", "no certificate"),
        ("cut", "END line is missing"),
        ("csr", "give it to an authority"),
        ("middle.key", "claviger key import"),
        ("two.p7", "openssl pkcs7"),
        ("no-such-file", "No such file"),
        // Another key of alice's, and one that nobody here has.
        ("two.crt", "it is for your key"),
        ("middle.crt", "of another key that you do not have"),
    ] {
        let told = fails(&shell, &format!("key certificate one --set {file}"), 1).await;
        assert!(told.contains(said), "{file}: {told}");
    }
    assert!(fails(&shell, "key certificate one --set two.crt", 1).await.contains(" two\n"), "its label");
    fails(&shell, "key certificate one", 1).await;
    // The rest of a file is left out, and that is said.
    shell.file("more", [shell.read("two.crt"), shell.read("root.crt")].concat());
    let ran = shell.claviger("key certificate two --set more").await.ok();
    assert!(ran.stderr.starts_with("warning: 1 of"), "{ran:?}");
    fails(&shell, "key certificate no-such-key --set two.crt", 1).await;
}

#[tokio::test]
async fn a_certificate_that_ended_is_set_with_a_warning() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "P-256", "old").await;
    authorities(&shell).await;
    shell.claviger("key request old --subject CN=old -o csr").await.ok();
    shell.file("old.crt", issue(&shell, "csr", "-days -1").await);
    let ran = shell.claviger("key certificate old --set old.crt").await.ok();
    assert!(ran.stderr.contains("warning: the certificate of CN=old"), "{ran:?}");
    assert!(shell.claviger("key certificate old").await.ok().text().contains(" ended on "));
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_reason() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "X25519", "agree").await;
    make(&shell, "P-256", "sign").await;
    shell.claviger("key generate RSA-2048 --label open --usage decrypt").await.ok();
    for (words, code, said) in [
        ("key request sign", 2, "--subject CN=NAME"),
        ("key request sign --subject /CN=alice", 2, "CN=alice,O=Example"),
        ("key request sign --subject XY=alice", 2, "no attribute that is known"),
        ("key request sign --dns a..b --subject CN=a", 2, "DNS name"),
        ("key request agree --subject CN=a", 1, "make no signatures"),
        ("key request open --subject CN=a", 5, "claviger key show KEY"),
        ("key request nobody --subject CN=a", 1, "claviger key list"),
        ("key certificate agree --self-signed", 1, "make no signatures"),
        ("key certificate sign --set file --subject CN=a", 2, "--self-signed"),
        ("key certificate sign --set file --days 3", 2, "--self-signed"),
        ("key certificate sign --ca", 2, "--self-signed"),
    ] {
        let told = fails(&shell, words, code).await;
        assert!(told.contains(said), "{words}: {told}");
    }
    shell.claviger("lock").await.ok();
    let told = fails(&shell, "key request sign --subject CN=a", 3).await;
    assert!(told.contains("claviger unlock"), "{told}");
}

#[tokio::test]
async fn a_key_signs_its_own_certificate_and_openssl_verifies_it() {
    let house = House::open().await;
    let shell = alice(&house).await;
    for algorithm in ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048"] {
        make(&shell, algorithm, algorithm).await;
        let made =
            format!("key certificate {algorithm} --self-signed --days 3 --dns localhost --usage server");
        let told = shell.claviger(&made).await.ok();
        assert!(told.text().contains(&format!("CN={algorithm}")), "{told:?}");
        shell.claviger(&format!("key certificate {algorithm} --format pem -o own.pem")).await.ok();
        let issuer = packed(&shell.run("openssl", "x509 -in own.pem -noout -issuer").await.ok());
        assert_eq!(issuer, format!("issuer=CN={algorithm}"), "an issuer has a name");
        // Again: it takes the place of the first.
        shell.claviger(&format!("{made} --subject CN=localhost")).await.ok();
        shell.claviger(&format!("key certificate {algorithm} --format pem -o own.pem")).await.ok();
        let verify = "verify -check_ss_sig -x509_strict -purpose sslserver -verify_hostname localhost -CAfile own.pem own.pem";
        assert!(shell.run("openssl", verify).await.ok().text().ends_with("OK"), "{algorithm}");
        let text = packed(&shell.run("openssl", "x509 -in own.pem -noout -text").await.ok());
        for part in
            ["Version:3(0x2)", "Subject:CN=localhost", "Issuer:CN=localhost", "CA:FALSE", "DNS:localhost"]
        {
            assert!(text.contains(part), "{algorithm}: {part} in {text}");
        }
        let ends = |seconds: u32| format!("x509 -in own.pem -noout -checkend {seconds}");
        shell.run("openssl", &ends(3 * 24 * 3600 - 600)).await.ok();
        assert_eq!(shell.run("openssl", &ends(3 * 24 * 3600 + 1)).await.code, Some(1), "three days");
        let serial = shell.run("openssl", "x509 -in own.pem -noout -serial").await.ok();
        assert_eq!(serial.text().len(), "serial=".len() + 32, "16 bytes: {serial:?}");
    }
    let told = shell.claviger("key certificate P-256 --self-signed").await.ok();
    assert!(told.text().contains("CN=P-256"), "the label: {told:?}");
}

#[tokio::test]
async fn a_key_that_is_an_authority_certifies_itself_as_one() {
    let house = House::open().await;
    let shell = alice(&house).await;
    make(&shell, "P-256", "authority").await;
    shell.claviger("key certificate authority --self-signed --ca --subject CN=Home --days 18000").await.ok();
    shell.claviger("key certificate authority --format pem -o own.pem").await.ok();
    let verify = "verify -check_ss_sig -x509_strict -CAfile own.pem own.pem";
    assert!(shell.run("openssl", verify).await.ok().text().ends_with("OK"));
    let text = packed(&shell.run("openssl", "x509 -in own.pem -noout -text").await.ok());
    assert!(text.contains("CA:TRUE") && text.contains("CertificateSign,CRLSign"), "{text}");
    // RFC 5280, 4.1.2.5: "dates in 2050 or later MUST be encoded as GeneralizedTime"
    let parsed = shell.run("openssl", "asn1parse -in own.pem").await.ok();
    assert!(parsed.text().contains("GENERALIZEDTIME"), "{parsed:?}");
}
