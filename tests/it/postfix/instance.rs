//! A Postfix for one test: its configuration, queue and mailboxes are in a
//! temporary folder, at a port the system picks. The machine's own is neither
//! read nor touched. Accounts and greylist are answered by the test over
//! sockets, in the protocols Postfix has for that.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use data_encoding::BASE64;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::crash::home::until;
use crate::relay::certificates::Authority;

/// The one account.
pub(super) const ACCOUNT: (&str, &str) = ("journey", "correct horse battery");

/// The owner of the mailboxes.
const NOBODY: u32 = 65_534;

/// Folders of the queue.
const QUEUE: [&str; 14] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid",
    "private", "public", "saved", "trace",
];

/// The accounts, mailboxes and limits of the instance.
pub(super) struct Given<'a> {
    /// The mailboxes at `ekdala.example`.
    pub(super) mailboxes: &'a [&'a str],
    /// Recipients that are deferred, once each.
    pub(super) greylisted: &'a [&'a str],
    /// Larger messages, in bytes, are rejected.
    pub(super) largest: usize,
}

impl Default for Given<'_> {
    fn default() -> Self {
        Given { mailboxes: &[], greylisted: &[], largest: 1_000_000 }
    }
}

/// A running Postfix. It ends when this is dropped, also by a panic; and by
/// itself after some minutes, should the test be killed.
pub(super) struct Postfix {
    folder: TempDir,
    master: Child,
    pub(super) port: u16,
    /// The sign-ins of clients: `PLAIN journey`.
    signed_in: Arc<Mutex<Vec<String>>>,
}

/// The path of its master program, if it is installed and we may run it.
pub(super) fn master() -> Result<PathBuf, &'static str> {
    let places = ["/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master"];
    let master = places.into_iter().map(PathBuf::from).find(|place| place.is_file());
    let master = master.ok_or("postfix is not installed")?;
    user("postfix").ok_or("postfix is not installed: it has no user")?;
    let folder = tempfile::tempdir().expect("a folder");
    let owner = fs::metadata(folder.path()).expect("it is there").uid();
    if owner == 0 { Ok(master) } else { Err("only root may start postfix") }
}

/// The number of a user of this machine.
fn user(name: &str) -> Option<u32> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let mut of =
        users.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1));
    of.next()?.parse().ok()
}

impl Postfix {
    pub(super) fn start(master: &Path, authority: &Authority, given: &Given<'_>) -> Postfix {
        let folder = tempfile::tempdir().expect("a folder");
        let signed_in = Arc::default();
        lay_out(folder.path(), master, authority, given);
        serve(&folder.path().join("auth"), {
            let signed_in = Arc::clone(&signed_in);
            move |client| accounts(client, &signed_in)
        });
        let grey: Vec<String> =
            given.greylisted.iter().map(|name| format!("{name}@ekdala.example")).collect();
        let grey = Arc::new(Mutex::new(grey));
        serve(&folder.path().join("policy"), move |client| greylist(client, &grey));
        // Another process may take the port first.
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
            let port = free.expect("a port").port();
            let mut child = run(master, folder.path(), port);
            if is_up(&mut child, port) {
                return Postfix { folder, master: child, port, signed_in };
            }
        }
        panic!("postfix does not start: {:?}", fs::read_to_string(folder.path().join("log")));
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(super) fn signed_in(&self) -> Vec<String> {
        self.signed_in.lock().expect("nobody panics").clone()
    }

    /// The mails in a mailbox, as Postfix wrote them.
    pub(super) fn mailbox(&self, name: &str) -> Vec<String> {
        let Ok(mails) = fs::read_dir(self.folder.path().join("mail").join(name).join("new")) else {
            return Vec::new();
        };
        mails.map(|mail| fs::read_to_string(mail.expect("an entry").path()).expect("a mail")).collect()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // It ends all of its own processes.
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        let _ = self.master.wait();
    }
}

/// Did it come up?
fn is_up(master: &mut Child, port: u16) -> bool {
    let mut up = false;
    until("postfix listens, or has given up", || {
        up = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        up || master.try_wait().expect("a child").is_some()
    });
    up
}

fn run(master: &Path, folder: &Path, port: u16) -> Child {
    fs::write(folder.join("etc/master.cf"), services(port)).expect("written");
    let mut command = Command::new(master);
    // In a process group of its own, which it ends with itself; after 300 s at
    // the latest.
    command.args(["-d", "-e", "300", "-c"]).arg(folder.join("etc")).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

/// Writes its configuration and creates its folders.
fn lay_out(folder: &Path, master: &Path, authority: &Authority, given: &Given<'_>) {
    let (postfix, at) = (user("postfix").expect("it is installed"), |name: &str| folder.join(name));
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("it can be entered");
    for name in ["etc", "queue", "data", "mail"] {
        fs::create_dir(at(name)).expect("a folder");
    }
    for name in QUEUE {
        let path = at("queue").join(name);
        fs::create_dir(&path).expect("a folder");
        if name != "pid" {
            chown(&path, Some(postfix), None).expect("root may");
        }
        let mode = if matches!(name, "pid" | "public") { 0o755 } else { 0o700 };
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("root may");
    }
    chown(at("data"), Some(postfix), None).expect("root may");
    chown(at("mail"), Some(NOBODY), Some(NOBODY)).expect("root may");
    fs::write(at("etc/chain.pem"), authority.chain(&["127.0.0.1"])).expect("written");
    let mut mailboxes = String::new();
    for name in given.mailboxes {
        writeln!(mailboxes, "{name}@ekdala.example {name}/").expect("it is text");
    }
    fs::write(at("etc/mailboxes"), mailboxes).expect("written");
    fs::write(at("etc/main.cf"), settings(folder, master.parent().expect("a folder"), given.largest))
        .expect("written");
}

fn settings(folder: &Path, programs: &Path, largest: usize) -> String {
    let (folder, programs) = (folder.display(), programs.display());
    format!(
        "compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {programs}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.ekdala.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = ekdala.example
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{NOBODY}
virtual_gid_maps = static:{NOBODY}
smtpd_tls_chain_files = {folder}/etc/chain.pem
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_policy_service unix:{folder}/policy, permit_sasl_authenticated, reject
message_size_limit = {largest}
"
    )
}

fn services(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"
    )
}

/// Answers each client on a thread; the threads end with the test.
fn serve(path: &Path, answer: impl Fn(UnixStream) -> std::io::Result<()> + Send + Sync + 'static) {
    let listener = UnixListener::bind(path).expect("a socket");
    fs::set_permissions(path, Permissions::from_mode(0o666)).expect("it is ours");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || answer(client));
        }
    });
}

/// Answers sign-in requests, in the auth protocol of Dovecot 1.1.
fn accounts(mut client: UnixStream, signed_in: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let hello = "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n\
                 COOKIE\t0123456789abcdef0123456789abcdef\nDONE\n";
    client.write_all(hello.as_bytes())?;
    let (mut way, mut told) = (String::new(), Vec::<String>::new());
    for line in BufReader::new(client.try_clone()?).lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let (number, given) = match words[..] {
            ["AUTH", number, mechanism, ..] => {
                (way, told) = (mechanism.to_owned(), Vec::new());
                (number, words.iter().find_map(|word| word.strip_prefix("resp=")))
            }
            ["CONT", number, given] => (number, Some(given)),
            _ => continue,
        };
        let given = given.and_then(|given| BASE64.decode(given.as_bytes()).ok()).unwrap_or_default();
        let given = String::from_utf8_lossy(&given);
        match way.as_str() {
            "PLAIN" => told.extend(given.split('\0').skip(1).map(str::to_owned)),
            _ => told.extend(Some(given.into_owned()).filter(|given| !given.is_empty())),
        }
        let answer = match &told[..] {
            [] => format!("CONT\t{number}\t{}\n", BASE64.encode(b"Username:")),
            [_] => format!("CONT\t{number}\t{}\n", BASE64.encode(b"Password:")),
            [name, secret, ..] if (name.as_str(), secret.as_str()) == ACCOUNT => {
                signed_in.lock().expect("nobody panics").push(format!("{way} {name}"));
                format!("OK\t{number}\tuser={name}\n")
            }
            [name, ..] => format!("FAIL\t{number}\tuser={name}\n"),
        };
        client.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Defers some recipients, once each, as a greylist does (SMTPD_POLICY_README).
fn greylist(mut client: UnixStream, grey: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut to = String::new();
    for line in BufReader::new(client.try_clone()?).lines() {
        let line = line?;
        if let Some(address) = line.strip_prefix("recipient=") {
            address.clone_into(&mut to);
        }
        if line.is_empty() {
            let mut grey = grey.lock().expect("nobody panics");
            let place = grey.iter().position(|address| *address == to);
            let answer = match place.map(|place| grey.swap_remove(place)) {
                Some(_) => "action=450 4.2.0 Greylisted, come back in five minutes\n\n",
                None => "action=DUNNO\n\n",
            };
            client.write_all(answer.as_bytes())?;
        }
    }
    Ok(())
}
