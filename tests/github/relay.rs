//! The wire in front of a server: it breaks where an answer says so (`x-relay`), speaks TLS where it is told to, and
//! remembers what went over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long to listen to one side before turning to the other.
const TURN: Duration = Duration::from_millis(1);

/// A listening relay; its threads end with the process.
pub struct Relay {
    address: SocketAddr,
    tls: bool,
    traffic: Arc<Mutex<Traffic>>,
}

/// What went over the wire.
#[derive(Clone, Default)]
pub struct Traffic {
    pub connections: usize,
    pub sent: Vec<u8>,
    pub received: Vec<u8>,
}

impl Relay {
    /// Carries everything to a server.
    pub fn start(server: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Self {
        let is_tls = tls.is_some();
        Self::listen(is_tls, move |client, traffic| match &tls {
            Some(config) => {
                let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                carry(StreamOwned::new(session, client), server, traffic)
            }
            None => carry(client, server, traffic),
        })
    }

    /// A proxy for HTTPS, through which every host is the one server. It asks for `user:password`.
    pub fn proxy(server: SocketAddr) -> Self {
        Self::listen(false, move |mut client, traffic| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if read(&mut client, &mut byte)?.is_some() {
                    head.push(byte[0]);
                }
            }
            traffic.lock().unwrap().sent.extend(&head);
            let head = String::from_utf8_lossy(&head).to_lowercase();
            // `user:password` in base64, in lower case as the rest.
            if !head.contains("proxy-authorization: basic dxnlcjpwyxnzd29yza==") {
                return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
            }
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            carry(client, server, traffic)
        })
    }

    /// Serves each connection in a thread of its own; whatever ends it, both sides see it end.
    fn listen(
        tls: bool,
        serve: impl Fn(TcpStream, &Mutex<Traffic>) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), tls, traffic: Arc::default() };
        let traffic = relay.traffic.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (serve, traffic) = (serve.clone(), traffic.clone());
                traffic.lock().unwrap().connections += 1;
                thread::spawn(move || {
                    client.set_read_timeout(Some(TURN))?;
                    client.set_nodelay(true)?;
                    serve(client, &traffic)
                });
            }
        });
        relay
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        match self.tls {
            true => format!("https://localhost:{}", self.address.port()),
            false => format!("http://{}", self.address),
        }
    }

    pub fn traffic(&self) -> Traffic {
        self.traffic.lock().unwrap().clone()
    }
}

fn carry(mut client: impl Read + Write, server: SocketAddr, traffic: &Mutex<Traffic>) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(TURN))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        if let Some(read) = read(&mut client, &mut buffer)? {
            server.write_all(&buffer[..read])?;
            traffic.lock().unwrap().sent.extend(&buffer[..read]);
        }
        if let Some(read) = read(&mut server, &mut buffer)? {
            let answer = &buffer[..read];
            traffic.lock().unwrap().received.extend(answer);
            let (head, body) = answer.split_at(end_of_head(answer));
            let head_text = String::from_utf8_lossy(head);
            if head_text.contains("x-relay: drop") {
                return Ok(());
            }
            if head_text.contains("x-relay: cut") {
                client.write_all(head)?;
                client.write_all(&body[..body.len() / 2])?;
                return client.flush();
            }
            client.write_all(answer)?;
            client.flush()?;
        }
    }
}

/// Returns how much there was to read; nothing, if nothing came in time.
fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match from.read(buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(read) => Ok(Some(read)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

fn end_of_head(answer: &[u8]) -> usize {
    answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4)
}
