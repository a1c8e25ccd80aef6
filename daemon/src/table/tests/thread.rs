use std::sync::atomic::{AtomicBool, Ordering};

use super::{open, user};
use crate::table::TableError;

#[tokio::test]
async fn clones_mean_the_same_table_and_stop_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let clone = table.clone();
    table.enrol(user(1)).await.unwrap();
    assert!(clone.account(1).await.unwrap().is_some());
    table.close().await;
    assert!(matches!(clone.account(1).await, Err(TableError::Stopped)));
    clone.close().await;
}

#[tokio::test]
async fn what_was_asked_is_done_though_the_asker_went_away() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    for uid in 0..20 {
        let mut asking = Box::pin(table.enrol(user(uid)));
        // One poll asks; then the asker is gone.
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(asking.as_mut().poll(context)));
        drop(polled.await);
        drop(asking);
    }
    assert_eq!(table.statistics().await.unwrap().users, 20);
}

#[tokio::test]
async fn many_at_once_all_get_their_answer() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let asking: Vec<_> = (0..100)
        .map(|uid| {
            let table = table.clone();
            tokio::spawn(async move { table.enrol(user(uid)).await })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(table.statistics().await.unwrap().users, 100);
}

/// The daemon's hook aborts; here it is enough that the hook hears of it and nobody waits for ever.
#[tokio::test]
async fn a_panic_on_the_thread_reaches_the_hook_and_hangs_nobody() {
    static HEARD: AtomicBool = AtomicBool::new(false);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("table") {
            HEARD.store(true, Ordering::SeqCst);
        } else {
            before(info);
        }
    }));
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let answer = table.thread.run(|_| -> Result<(), TableError> { panic!("as a test") }).await;
    assert!(matches!(answer, Err(TableError::Stopped)));
    assert!(matches!(table.account(1).await, Err(TableError::Stopped)));
    assert!(HEARD.load(Ordering::SeqCst));
}
