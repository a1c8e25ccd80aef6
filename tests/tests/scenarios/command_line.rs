//! `claviger` as people and scripts use it: every command, its exit code, its JSON.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::command::Ran;
use claviger_tests::house::House;
use claviger_tests::shell::Shell;
use serde_json::Value;

const MESSAGE: &[u8] = b"a message\n";

/// Returns a shell of alice's, registered and unlocked, with the default first key.
async fn alice(house: &House) -> Shell {
    let shell = Shell::new(&house.bus, &Person::alice());
    shell.file("passphrase", format!("{PASSPHRASE}\n")).file("message", MESSAGE);
    shell.claviger("register --passphrase-file passphrase").await.ok();
    shell.claviger("unlock --passphrase-file passphrase").await.ok();
    shell
}

/// Returns what a command printed as JSON.
fn json(ran: &Ran) -> Value {
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[tokio::test]
async fn an_account_from_the_first_status_to_a_new_pass_phrase() {
    let house = House::open().await;
    let shell = Shell::new(&house.bus, &Person::alice());
    assert!(
        shell.claviger("status").await.ok().text().contains("claviger register"),
        "it says what to do next"
    );
    shell.claviger_with("register --passphrase-file -", b"first\n").await.ok();
    shell.claviger_with("unlock --passphrase-fd 0", b"first").await.ok();
    assert!(shell.claviger("status").await.ok().text().contains("unlocked"));
    shell.claviger("lock").await.ok();
    assert!(shell.claviger("status").await.ok().text().contains("locked (`claviger unlock`)"));
    shell.file("old", "first").file("new", "second");
    shell.claviger("passphrase --passphrase-file old --new-passphrase-file new").await.ok();
    assert_eq!(shell.claviger("unlock --passphrase-file old").await.code, Some(5));
    shell.claviger("unlock --passphrase-file new").await.ok();
}

#[tokio::test]
async fn keys_are_made_shown_named_chosen_and_deleted() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let made = shell.claviger("key generate Ed25519 --label mine --usage sign").await.ok();
    let id = made.text();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "the id alone: {id:?}");
    assert!(shell.claviger("key list").await.ok().text().contains("mine"));
    assert!(shell.claviger("key show mine").await.ok().text().contains(id));

    let pem = shell.claviger("key show mine --public").await.ok();
    shell.file("public.pem", &pem.stdout);
    shell.claviger("key show mine --public --format der -o public.der").await.ok();
    let of_pem = shell.run("openssl", "pkey -pubin -in public.pem -outform DER").await.ok().stdout;
    assert_eq!(of_pem, shell.read("public.der"));
    shell.file("public.ssh", shell.claviger("key show mine --public --format ssh").await.ok().stdout);
    assert!(shell.run("ssh-keygen", "-l -f public.ssh").await.ok().text().contains("ED25519"));

    shell.claviger("key label mine yours").await.ok();
    assert_eq!(shell.claviger("key show mine").await.code, Some(1));
    shell.claviger("key default yours --purpose sign,authenticate").await.ok();
    let signature = shell.claviger("sign message").await.ok().stdout;
    assert_eq!(signature, shell.claviger("sign --key yours message").await.ok().stdout);
    assert!(shell.claviger("key explain yours").await.ok().text().contains("EDDSA"));

    shell.claviger("key delete yours --yes").await.ok();
    assert_eq!(shell.claviger("key show yours").await.code, Some(1));
}

#[tokio::test]
async fn private_keys_of_every_common_form_are_taken_in() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let p256 = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    // A file's name, how it is made, and what it is encrypted under.
    let cases = [
        ("pkcs8", format!("{p256} pkcs8"), None),
        ("sealed-pkcs8", format!("{p256} sealed-pkcs8 -aes256 -pass pass:of-the-file"), Some("of-the-file")),
        ("sec1", "openssl ecparam -name secp384r1 -genkey -noout -out sec1".to_owned(), None),
        ("pkcs1", "openssl genrsa -traditional -out pkcs1 2048".to_owned(), None),
        ("ed25519", "openssl genpkey -algorithm ED25519 -out ed25519".to_owned(), None),
        ("openssh", "ssh-keygen -q -t ecdsa -b 521 -f openssh -N ''".to_owned(), None),
        ("openssh-rsa", "ssh-keygen -q -t rsa -b 3072 -f openssh-rsa -N ''".to_owned(), None),
        (
            "sealed-openssh",
            "ssh-keygen -q -t ed25519 -f sealed-openssh -N of-the-file".to_owned(),
            Some("of-the-file"),
        ),
    ];
    for (name, making, passphrase) in cases {
        shell.file("make", making).run("sh", "make").await.ok();
        let words = format!("key import {name} --label {name}");
        match passphrase {
            Some(passphrase) => {
                let words = format!("{words} --passphrase-file -");
                let wrong = shell.claviger_with(&words, b"wrong").await;
                assert_eq!(wrong.code, Some(5), "{name}: {wrong:?}");
                shell.claviger_with(&words, passphrase.as_bytes()).await.ok();
            }
            None => drop(shell.claviger(&words).await.ok()),
        }
        shell.claviger(&format!("sign --key {name} -o signature message")).await.ok();
        shell.claviger(&format!("verify --key {name} --signature signature message")).await.ok();
    }
    shell.file("rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_eq!(shell.claviger("key import rubbish").await.code, Some(1));
    assert_eq!(shell.claviger("key import no-such-file").await.code, Some(1));
}

#[tokio::test]
async fn openssl_verifies_what_claviger_signs_and_the_other_way_round() {
    let house = House::open().await;
    let shell = alice(&house).await;
    for (algorithm, mechanism) in [("P-256", "ECDSA_SHA256"), ("RSA-2048", "SHA256_RSA_PKCS")] {
        shell.claviger(&format!("key generate {algorithm} --label k{algorithm}")).await.ok();
        shell.claviger(&format!("key show k{algorithm} --public -o public.pem")).await.ok();
        shell
            .claviger(&format!("sign --key k{algorithm} --mechanism {mechanism} -o signature message"))
            .await
            .ok();
        let openssl =
            shell.run("openssl", "dgst -sha256 -verify public.pem -signature signature message").await;
        assert_eq!(openssl.ok().text(), "Verified OK");
        let verifying = "verify --public public.pem --signature signature message";
        shell.claviger(verifying).await.ok();
        shell.file("message", "another");
        assert_eq!(shell.claviger(verifying).await.code, Some(1));
        shell.file("message", MESSAGE);
    }
    shell.claviger("sign --key kP-256 --raw -o raw message").await.ok();
    assert_eq!(shell.read("raw").len(), 64);
    shell.claviger("verify --key kP-256 --raw --signature raw message").await.ok();
    // A file that is too large to go by value, and standard input.
    let large = vec![b'x'; 3 << 20];
    shell.file("large", &large);
    shell.claviger("sign --key kRSA-2048 -o signature large").await.ok();
    shell.run("openssl", "dgst -sha256 -verify public.pem -signature signature large").await.ok();
    let signature = shell.claviger_with("sign --key kRSA-2048 -", &large).await.ok().stdout;
    assert_eq!(signature, shell.read("signature"));
}

#[tokio::test]
async fn what_is_encrypted_derived_and_digested_agrees_with_openssl() {
    let house = House::open().await;
    let shell = alice(&house).await;
    shell.claviger("key generate RSA-2048 --label rsa").await.ok();
    shell.claviger("key show rsa --public -o public.pem").await.ok();
    shell.claviger("encrypt --public public.pem --hash SHA384 -o sealed message").await.ok();
    assert_eq!(shell.claviger("decrypt --key rsa --hash SHA384 sealed").await.ok().stdout, MESSAGE);
    let sealing = "pkeyutl -encrypt -pubin -inkey public.pem -in message -out sealed -pkeyopt rsa_padding_mode:oaep \
                   -pkeyopt rsa_oaep_md:sha256";
    shell.run("openssl", sealing).await.ok();
    shell.claviger("decrypt --key rsa -o opened sealed").await.ok();
    assert_eq!(shell.read("opened"), MESSAGE);

    shell.claviger("key generate X25519 --label agree").await.ok();
    shell.claviger("key show agree --public -o mine.pem").await.ok();
    shell.run("openssl", "genpkey -algorithm X25519 -out peer.key").await.ok();
    shell.run("openssl", "pkey -in peer.key -pubout -out peer.pem").await.ok();
    let theirs = shell.run("openssl", "pkeyutl -derive -inkey peer.key -peerkey mine.pem").await.ok().stdout;
    assert_eq!(shell.claviger("derive --key agree peer.pem").await.ok().stdout, theirs);
    assert_eq!(
        shell.claviger("derive --key agree --kdf hkdf --length 77 peer.pem").await.ok().stdout.len(),
        77
    );

    shell.claviger("key generate ML-KEM-768 --label kem").await.ok();
    shell.claviger("encrypt --key kem --mechanism ML_KEM --secret-output secret -o capsule").await.ok();
    assert_eq!(
        shell.claviger("decrypt --key kem --mechanism ML_KEM capsule").await.ok().stdout,
        shell.read("secret")
    );

    let digest = shell.claviger("digest --hash SHA3-256 message").await.ok();
    let theirs = shell.run("openssl", "dgst -sha3-256 -r message").await.ok();
    assert_eq!(digest.text().split(' ').next(), theirs.text().split(' ').next());
    assert_eq!(shell.claviger("random 33").await.ok().stdout.len(), 33);
    assert_eq!(shell.claviger("random 16 --hex").await.ok().text().len(), 32);
}

#[tokio::test]
async fn exit_codes_say_whose_turn_it_is() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let code = async |words: &str| shell.claviger(words).await.code;
    assert_eq!(code("status").await, Some(0));
    assert_eq!(code("sign --key no-such-key message").await, Some(1));
    assert_eq!(code("sign no-such-file").await, Some(1));
    assert_eq!(code("fly").await, Some(2));
    assert_eq!(code("sign --mechanism NO_SUCH message").await, Some(2));
    assert_eq!(code("unlock --passphrase secret").await, Some(2));
    assert_eq!(code("admin user list").await, Some(5));
    shell.claviger("lock").await.ok();
    let locked = shell.claviger("sign message").await;
    assert_eq!(locked.code, Some(3));
    assert!(locked.stderr.contains("claviger unlock"), "it says what to do next: {locked:?}");
    let wrong = shell.claviger_with("unlock --passphrase-file -", b"wrong").await;
    assert_eq!(wrong.code, Some(5));
    let nowhere = shell.claviger("--bus unix:path=/nonexistent status").await;
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.stderr.contains("claviger doctor"), "{nowhere:?}");
    let no_terminal = shell.claviger("unlock").await;
    assert!(no_terminal.code.is_some_and(|code| code != 0), "nobody can be asked: {no_terminal:?}");
}

#[tokio::test]
async fn every_command_speaks_json() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let ask = async |words: &str| json(&shell.claviger(&format!("--json {words}")).await.ok());
    let key = ask("key generate RSA-2048 --label rsa").await["id"].as_str().unwrap().to_owned();
    assert_eq!(ask("status").await["state"], "active");
    assert_eq!(ask("key list").await.as_array().unwrap().len(), 2);
    assert_eq!(ask("key show rsa").await["id"], key.as_str());
    ask("key show rsa --public").await["public-key"].as_str().unwrap();
    ask("key explain rsa --mechanism SHA256_RSA_PKCS").await.as_object().unwrap();
    shell.claviger("sign --key rsa -o signature message").await.ok();
    ask("sign --key rsa message").await["signature"].as_str().unwrap();
    assert_eq!(ask("verify --key rsa --signature signature message").await["valid"], true);
    shell.claviger("encrypt --key rsa -o sealed message").await.ok();
    ask("encrypt --key rsa message").await.as_object().unwrap();
    ask("decrypt --key rsa sealed").await.as_object().unwrap();
    ask("digest message").await["digest"].as_str().unwrap();
    ask("random 8").await["bytes"].as_str().unwrap();
    ask("recovery").await["recovery-code"].as_str().unwrap();
    ask("doctor").await.as_array().unwrap();
    let failed = shell.claviger("--json sign --key none message").await;
    let error: Value = serde_json::from_str(&failed.stderr).unwrap();
    assert_eq!((failed.code, &error["error"]), (Some(1), &Value::from("NoSuchKey")));
}

#[tokio::test]
async fn a_recovery_code_and_a_backup_bring_an_account_back() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let administrator = Shell::new(&house.bus, &Person::service());
    let signature = async |shell: &Shell| {
        shell.claviger("sign -o signature message").await.ok();
        shell.claviger("verify --public public.pem --signature signature message").await.ok()
    };
    shell.claviger("key show --public -o public.pem").await.ok();
    shell.file("code", shell.claviger("recovery make").await.ok().stdout).file("new", "another pass phrase");
    shell.claviger("backup -o backup").await.ok();
    administrator.claviger(&format!("admin user remove {} --yes", Person::alice().name)).await.ok();
    assert_eq!(shell.claviger("sign message").await.code, Some(1));
    shell.claviger("restore backup").await.ok();
    shell.claviger("recovery use --code-file code --new-passphrase-file new").await.ok();
    shell.claviger("unlock --passphrase-file new").await.ok();
    signature(&shell).await;
    shell.file("code", "AAAA-AAAA");
    let wrong = shell.claviger("recovery use --code-file code --new-passphrase-file new").await;
    assert_eq!(wrong.code, Some(5), "{wrong:?}");
}

#[tokio::test]
async fn an_administrator_consents_looks_and_revokes() {
    let house = House::configured("[registration]\nconsent = true\n").await;
    let administrator = Shell::new(&house.bus, &Person::service());
    let shell = Shell::new(&house.bus, &Person::alice());
    let name = Person::alice().name;
    shell.file("passphrase", PASSPHRASE).file("message", MESSAGE);
    administrator.claviger(&format!("admin user enrol {name}")).await.ok();
    shell.claviger("register --passphrase-file passphrase").await.ok();
    assert_eq!(shell.claviger("unlock --passphrase-file passphrase").await.code, Some(5));
    let phrase = administrator.claviger(&format!("admin consent {name}")).await.ok();
    assert_eq!(shell.claviger_with("consent --consent-file -", b"AAAA-AAAA-AAAA-AAAA").await.code, Some(5));
    shell.claviger_with("consent --consent-file -", &phrase.stdout).await.ok();
    shell.claviger("unlock --passphrase-file passphrase").await.ok();
    shell.claviger("sign message").await.ok();

    let users = json(&administrator.claviger("--json admin user list").await.ok());
    assert_eq!(users.as_array().unwrap().len(), 1);
    assert!(administrator.claviger(&format!("admin user show {name}")).await.ok().text().contains("active"));
    administrator.claviger("admin statistics").await.ok();
    administrator.claviger(&format!("admin user location {name} local")).await.ok();
    let key = json(&shell.claviger("--json key show").await.ok())["id"].as_str().unwrap().to_owned();
    administrator.claviger(&format!("admin revoke {name} {key}")).await.ok();
    assert_eq!(shell.claviger(&format!("sign --key {key} message")).await.code, Some(5));
    assert_eq!(administrator.claviger("admin user show nobody-at-all").await.code, Some(1));
}

#[tokio::test]
async fn monitor_tells_what_happens_as_it_happens() {
    let house = House::open().await;
    let shell = alice(&house).await;
    let mut command = shell.command("--json monitor");
    let mut monitor = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    let heard = tokio::task::spawn_blocking(move || {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        line["event"]["name"].as_str().unwrap().to_owned()
    });
    // It says nothing when it begins to watch, so something happens until it has heard it.
    while !heard.is_finished() {
        shell.claviger("lock").await.ok();
        shell.claviger("unlock --passphrase-file passphrase").await.ok();
    }
    assert_eq!(claviger_tests::in_time("an event", heard).await.unwrap(), "LockedChanged");
    monitor.kill().unwrap();
    monitor.wait().unwrap();
}

#[tokio::test]
async fn doctor_says_what_is_wrong_from_the_bus_inwards() {
    let mut house = House::open().await;
    let shell = alice(&house).await;
    let well = shell.claviger("doctor").await;
    assert_eq!(well.code, Some(0), "{well:?}");
    house.daemon.kill().await;
    let ill = shell.claviger("doctor").await;
    assert_eq!(ill.code, Some(1), "{ill:?}");
    let elsewhere = Shell::new(&Bus::start(), &Person::alice());
    assert_eq!(elsewhere.claviger("doctor").await.code, Some(1), "that bus has gone");
}

#[tokio::test]
async fn busctl_signs_without_knowing_anything_of_claviger() {
    let house = House::open().await;
    let shell = alice(&house).await;
    shell.claviger("key show --public -o public.pem").await.ok();
    let data: Vec<String> = MESSAGE.iter().map(u8::to_string).collect();
    let words = format!(
        "--address={} call org.claviger.KeyStore1 /org/claviger/KeyStore1 org.claviger.KeyStore1.Keys Sign ssaya{{sv}} \
         KEY ECDSA_SHA256 {} {} 1 format s der",
        house.bus.address(),
        MESSAGE.len(),
        data.join(" ")
    );
    let key = json(&shell.claviger("--json key show").await.ok())["id"].as_str().unwrap().to_owned();
    let reply = shell.run("busctl", &words.replace("KEY", &key)).await.ok();
    let bytes = reply.text().strip_prefix("ay ").expect("bytes").split(' ').skip(1);
    shell.file("signature", bytes.map(|byte| byte.parse().unwrap()).collect::<Vec<u8>>());
    let verifying =
        shell.run("openssl", "dgst -sha256 -verify public.pem -signature signature message").await;
    assert_eq!(verifying.ok().text(), "Verified OK");
}
