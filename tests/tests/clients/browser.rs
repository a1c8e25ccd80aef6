//! Browsers that prove to a server who alice is: Firefox, Chromium.

use claviger_tests::clients::{Firefox, Listener, Location, Page, Seat, chromium};
use claviger_tests::in_time;

use crate::pulled::Gate;

at_each_location!(firefox_proves_who_alice_is_and_outlives_the_keys);

async fn firefox_proves_who_alice_is_and_outlives_the_keys(mut seat: Seat) {
    let (server, port) = Listener::tls(&seat.authority, &["-www"]).await;
    let gate = Gate::before(port).await;
    let address = format!("https://localhost:{}/", gate.port);
    gate.open();
    let mut firefox = Firefox::start(&seat).await;

    firefox.person_types(seat.location.pin()).await;
    let page = firefox.load(&address).await;
    is_alices(&page, &seat);
    assert!(server.said().contains("depth=0 CN = alice\nverify return:1"), "{}", server.said());
    let asked = firefox.asked().await;
    // It asks for a PIN or pass phrase, and for nothing where a phone asks.
    let questions = usize::from(seat.location != Location::Phone);
    assert!(
        asked.len() == questions && asked.iter().all(|asked| asked.contains("security device")),
        "{asked:?}"
    );
    // Once it is logged in it asks no more.
    is_alices(&firefox.load(&address).await, &seat);
    assert_eq!(firefox.asked().await, asked);

    // They go when it has turned to the server, which has not answered yet.
    firefox.person_types(None).await;
    gate.close();
    let (page, ()) = tokio::join!(firefox.load(&address), async {
        gate.arrive(gate.arrived() + 1).await;
        seat.take_away().await;
        gate.open();
    });
    assert!(page.address.starts_with("about:neterror?e=nssFailure2"), "{page:?}");

    seat.bring_back().await;
    firefox.person_types(seat.location.pin()).await;
    // NSS looks at a token once in a second; before that the browser may say once more that it cannot.
    let trying_again = async { while !shows_alice(&firefox.load(&address).await, &seat) {} };
    in_time("alice's page", trying_again).await;
}

/// Holds that the page is alice's.
#[track_caller]
fn is_alices(page: &Page, seat: &Seat) {
    assert!(shows_alice(page, seat), "{page:?}");
}

/// Returns true where the server says on the page that it was shown a certificate of alice's.
fn shows_alice(page: &Page, seat: &Seat) -> bool {
    let is_shown = |label: &str| page.text.contains(&seat.text(&format!("{label}.crt")));
    is_shown("rsa") || is_shown("ec")
}

/// With a PIN it would ask in a window that nobody sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_proves_who_alice_is_with_her_phone() {
    let seat = Seat::at(Location::Phone).await;
    let (server, port) = Listener::tls(&seat.authority, &["-www"]).await;
    let loaded = chromium(&seat, &format!("https://localhost:{port}/")).await;
    assert!(server.said().contains("depth=0 CN = alice\nverify return:1"), "{}\n{loaded:?}", server.said());
    let page = Page { address: String::new(), text: loaded.ok().text().to_owned() };
    is_alices(&page, &seat);
}
