//! The pages that mails link to, served over HTTP: the only async code of the program. A request
//! becomes a plain value, [`dispatch`] answers it on a thread that may block, and the answer is
//! sent with the same headers on every route.

mod app;
mod connections;
mod dispatch;
mod forms;
mod headers;
mod limits;
mod pages;
mod request;
mod response;
mod route;
mod routes;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config::Config;
use crate::engine::load::active_content::ActiveContent;
use app::App;
pub(crate) use app::{Clock, Log};
use connections::Listener;

/// Requests that are answered at the same time; each may hold a connection to the database.
const WORKERS: usize = 4;
/// How long an idle worker waits for a request before its thread ends.
const WORKER_IDLE: Duration = Duration::from_secs(60);
/// How long to wait before the address is tried again.
const BIND_RETRY: Duration = Duration::from_secs(10);

/// A running web server. It stops when it is dropped, after the requests it has begun.
pub(crate) struct Server {
    app: Arc<App>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves in a thread of its own. An address that cannot be used is logged and tried again: mails
    /// are sent meanwhile.
    pub(crate) fn start(
        config: Arc<Config>,
        content: Arc<ActiveContent>,
        clock: Clock,
        log: Log,
    ) -> io::Result<Server> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(WORKERS)
            .thread_keep_alive(WORKER_IDLE)
            .build()?;
        let app = Arc::new(App::new(config, content, clock, log));
        let (stop, stopped) = oneshot::channel();
        let serving = serve(app.clone(), stopped);
        let thread =
            thread::Builder::new().name("web".to_owned()).spawn(move || runtime.block_on(serving))?;
        Ok(Server { app, stop: Some(stop), thread: Some(thread) })
    }

    /// Serves this content from the next request on.
    pub(crate) fn use_content(&self, content: Arc<ActiveContent>) {
        self.app.use_content(content);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed by the panic hook.
            let _ = thread.join();
        }
    }
}

async fn serve(app: Arc<App>, mut stopped: oneshot::Receiver<()>) {
    let listen = &app.config.web.listen;
    let mut last_error = String::new();
    let listener = loop {
        match Listener::bind(listen).await {
            Ok(listener) => break listener,
            Err(error) => {
                let error = error.to_string();
                if error != last_error {
                    app.log(&format!(
                        "web: the pages are not served: cannot listen on {listen}: {error}; it is tried again"
                    ));
                    last_error = error;
                }
            }
        }
        tokio::select! {
            _ = &mut stopped => return,
            () = tokio::time::sleep(BIND_RETRY) => {}
        }
    };
    app.log(&format!("web: the pages are served on {}", listener.address()));
    let router = routes::router(app.clone());
    connections::serve(listener, router, stopped).await;
}
