//! Accepts connections and speaks HTTP/1.1 on each, within limits of number, time and size.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::config::Listen;

/// Connections at the same time; others wait.
const MAX_CONNECTIONS: usize = 512;
/// Request line and headers; more is answered with 431.
const MAX_HEAD: usize = 16 * 1024;
/// Time for the head of a request, and how long an idle connection stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests that have begun may take when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after an accept failed, for example because there are too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Where connections come from.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket; removed when it is dropped.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The next start removes it, if this fails.
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    pub(super) async fn bind(listen: &Listen) -> io::Result<Listener> {
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Listen::Unix(path) => {
                remove_stale_socket(path)?;
                let listener = UnixListener::bind(path)?;
                // The proxy is in the group.
                fs::set_permissions(path, Permissions::from_mode(0o660))?;
                Ok(Listener::Unix(listener, SocketFile(path.clone())))
            }
        }
    }

    pub(super) fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| String::new(), |a| a.to_string())
            }
            Listener::Unix(_, file) => format!("unix:{}", file.0.display()),
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Listener::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Removes the socket of a process that was killed; never another kind of file, and never a socket
/// on which a process listens.
fn remove_stale_socket(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists and is not a socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(_) => fs::remove_file(path),
    }
}

/// Serves until `stopped` resolves, and then finishes the requests that have begun.
pub(super) async fn serve(listener: Listener, router: Router, stopped: oneshot::Receiver<()>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Each connection holds a receiver: when all are dropped, all connections have ended.
    let (stop, is_stopping) = watch::channel(());
    let mut stopped = pin!(stopped);
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        let Ok(stream) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY).await;
            continue;
        };
        let (router, is_stopping) = (router.clone(), is_stopping.clone());
        tokio::spawn(async move {
            serve_connection(stream, router, is_stopping).await;
            drop(slot);
        });
    }
    drop(listener);
    drop(is_stopping);
    let _ = stop.send(());
    let _ = tokio::time::timeout(STOP_TIMEOUT, stop.closed()).await;
}

async fn serve_connection(stream: Box<dyn Stream>, router: Router, mut is_stopping: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    // An error is the client's: it closed the connection, or sent no HTTP.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = is_stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
