//! What goes out at a time.

use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use claviger_phone::approval::{A_WHILE, Verdict};
use claviger_phone::stream::{Idle, serve};
use claviger_phone_protocol::Reply;
use claviger_token::Algorithm;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::computer::{Computer, generate, sign};
use crate::managing::{Phone, is_signed, test};
use crate::meanwhile::pairing;

/// A stream that notes what is written at a time.
struct Noted {
    stream: tokio::net::UnixStream,
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let writes = Arc::clone(&self.writes);
        // Held meanwhile: who has read it finds it noted.
        let mut writes = writes.lock().unwrap_or_else(PoisonError::into_inner);
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            writes.push(bytes[..*count].to_vec());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[test]
fn an_answer_that_waits_for_nothing_goes_out_with_its_ok_in_one_write() {
    test(|| async {
        let mut phone = Phone::new().await;
        let (new, known) = pairing(1, "laptop");
        phone.manager.hosts.keep(new).expect("room");
        let (near, far) = UnixStream::pair().expect("a stream");
        near.set_read_timeout(Some(crate::agent::DEADLINE)).expect("a socket");
        far.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::UnixStream::from_std(far).expect("a socket");
        let writes = Arc::new(Mutex::new(Vec::new()));
        let noted = Noted { stream, writes: Arc::clone(&writes) };
        let manager = Arc::clone(&phone.manager);
        tokio::spawn(async move { serve(noted, &manager, Idle::Short).await });
        let asking = tokio::task::spawn_blocking(move || {
            let mut computer = Computer::connect(near, &known).expect("a channel");
            let Ok(Reply::Key(key)) = computer.ask(generate(Algorithm::P256, 1)) else { panic!("no key") };
            // The one that the person allows for a while, and one that nobody is asked about.
            assert!(is_signed(&computer.ask(sign(&key, "sign"))));
            let before = writes.lock().unwrap_or_else(PoisonError::into_inner).len();
            assert!(is_signed(&computer.ask(sign(&key, "sign"))));
            writes.lock().unwrap_or_else(PoisonError::into_inner).split_off(before)
        });
        phone.answer(Verdict::Approved).await;
        phone.answer(Verdict::ApprovedFor(A_WHILE)).await;
        let written = asking.await.expect("no panic");
        let [answer] = written.as_slice() else { panic!("{} writes", written.len()) };
        assert!(answer.starts_with(b"\r\nOK\r\n\r\n+CKX: 0,\""), "{}", String::from_utf8_lossy(answer));
    });
}
