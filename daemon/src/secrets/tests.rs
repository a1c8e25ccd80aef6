use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use claviger_core::Refusal;
use rustix::fs::{MemfdFlags, Mode, OFlags};

use super::{memory, read};

const LIMIT: usize = 64 * 1024;

fn pipe() -> (OwnedFd, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    (reader.into(), writer)
}

async fn text(descriptor: OwnedFd) -> Result<Vec<u8>, Refusal> {
    read(descriptor, LIMIT).await.map(|secret| secret.expose().to_vec())
}

#[tokio::test]
async fn a_pipe_is_read_to_its_end_however_it_is_written() {
    let (reader, mut writer) = pipe();
    let reading = tokio::spawn(text(reader));
    for piece in ["correct ", "horse ", "battery"] {
        writer.write_all(piece.as_bytes()).expect("written");
        tokio::task::yield_now().await;
    }
    drop(writer);
    assert_eq!(reading.await.expect("no panic"), Ok(b"correct horse battery".to_vec()));
}

#[tokio::test]
async fn a_socket_and_a_memfd_serve_as_well() {
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    ours.write_all(b"secret").expect("written");
    drop(ours);
    assert_eq!(text(theirs.into()).await, Ok(b"secret".to_vec()));
    let file = memory(b"secret").expect("a memfd");
    assert_eq!(text(file).await, Ok(b"secret".to_vec()));
}

#[tokio::test]
async fn a_memfd_without_seals_is_read_and_never_mapped() {
    let file = rustix::fs::memfd_create("x", MemfdFlags::CLOEXEC).expect("a memfd");
    rustix::io::write(&file, b"secret").expect("written");
    assert_eq!(text(file).await, Ok(b"secret".to_vec()));
}

#[tokio::test]
async fn a_closed_pipe_is_no_secret_and_the_senders_flags_stay() {
    let (reader, writer) = pipe();
    let kept = reader.try_clone().expect("a descriptor");
    drop(writer);
    assert!(matches!(text(reader).await, Err(Refusal::InvalidArguments(_))));
    let flags = rustix::fs::fcntl_getfl(&kept).expect("flags");
    assert!(!flags.contains(OFlags::NONBLOCK), "the sender's file was changed");
}

#[tokio::test]
async fn what_is_too_long_is_refused_at_the_limit() {
    let (reader, mut writer) = pipe();
    let writing = std::thread::spawn(move || {
        // 10 MiB: the reader goes away long before, which ends this with EPIPE.
        let piece = [b'x'; 4096];
        (0..2560).take_while(|_| writer.write_all(&piece).is_ok()).count()
    });
    assert_eq!(text(reader).await, Err(Refusal::DataTooLarge { limit: LIMIT }));
    assert!(writing.join().expect("no panic") < 2560);
    let large = memory(&vec![0; LIMIT + 1]).expect("a memfd");
    assert_eq!(text(large).await, Err(Refusal::DataTooLarge { limit: LIMIT }));
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_is_given_up_at_the_deadline() {
    let (reader, mut writer) = pipe();
    writer.write_all(b"half a sec").expect("written");
    assert_eq!(text(reader).await, Err(Refusal::Timeout));
    drop(writer);
}

#[tokio::test]
async fn directories_disk_files_devices_and_paths_are_refused() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "secret").expect("written");
    let open = |path: &std::path::Path, flags| {
        rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).expect("opened")
    };
    let cases = [
        open(folder.path(), OFlags::RDONLY | OFlags::DIRECTORY),
        open(&file, OFlags::RDONLY),
        open(&file, OFlags::PATH),
        open("/dev/zero".as_ref(), OFlags::RDONLY),
    ];
    for descriptor in cases {
        let result = text(descriptor).await;
        assert!(matches!(result, Err(Refusal::InvalidArguments(_))), "{result:?}");
    }
}

#[tokio::test]
async fn the_end_for_writing_is_no_secret() {
    let (reader, writer) = pipe();
    let result = text(writer.into()).await;
    assert!(matches!(result, Err(Refusal::InvalidArguments(_))), "{result:?}");
    drop(reader);
}
