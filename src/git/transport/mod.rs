//! How the bytes of Git's protocol travel: libgit2 speaks, a [`Carrier`] carries.
//!
//! libgit2 knows one made-up address for all of them, so no address, user or token of ours ever gets into its hands,
//! and neither a `url.….insteadOf` of the user's configuration nor a redirect sends a token elsewhere.

pub mod http;
pub(super) mod program;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};

use super::Failure;

/// The address that libgit2 is given.
pub(super) const ADDRESS: &str = "dirops://remote";
const SCHEME: &str = "dirops";

/// A way to one repository.
pub(super) trait Carrier: Send + Sync {
    /// Returns whether each request is one of its own, as over HTTP, or one connection lasts.
    fn is_stateless(&self) -> bool;

    /// Returns a stream to talk to a service over.
    ///
    /// # Errors
    /// Where there is no way there; [`Self::failure`] tells more.
    fn open(&self, service: Service) -> io::Result<Box<dyn Stream>>;

    /// Returns what went wrong on the way, if that is known, once the streams are closed.
    fn failure(&self) -> Option<Failure>;

    /// Returns whether a push may have reached the other side.
    fn has_pushed(&self) -> bool;
}

/// What is written and read in turn.
pub(super) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

thread_local! {
    /// What carries for the connections that this thread makes.
    static CARRIER: RefCell<Option<Arc<dyn Carrier>>> = const { RefCell::new(None) };
}

/// Does something with remotes at [`ADDRESS`], which are reached through `carrier`.
///
/// # Errors
/// Those of the work, and where libgit2 takes no transports.
pub(super) fn through<T>(
    carrier: &Arc<dyn Carrier>,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, git2::Error> {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CARRIER.with(|current| current.borrow_mut().take());
        }
    }
    register()?;
    CARRIER.with(|current| current.borrow_mut().replace(carrier.clone()));
    let _reset = Reset;
    work()
}

/// Tells libgit2 about our transport, once in the life of the process.
fn register() -> Result<(), git2::Error> {
    static REGISTERED: OnceLock<Result<(), String>> = OnceLock::new();
    let register = || {
        // SAFETY: registering must not happen while another thread makes a transport. Remotes of libgit2 are connected
        // in `through` alone, after this has returned, and `OnceLock` lets nobody pass before the one call is over.
        #[expect(unsafe_code, reason = "libgit2's list of transports has no lock: see docs/decisions/git.md")]
        let registered = unsafe { git2::transport::register(SCHEME, transport) };
        registered.map_err(|error| error.message().to_owned())
    };
    REGISTERED.get_or_init(register).clone().map_err(|message| git2::Error::from_str(&message))
}

fn transport(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let carrier = CARRIER.with(|current| current.borrow().clone());
    let carrier = carrier.ok_or_else(|| git2::Error::from_str("nothing carries to this remote"))?;
    Transport::smart(remote, carrier.is_stateless(), Subtransport(carrier))
}

struct Subtransport(Arc<dyn Carrier>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, action: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        match self.0.open(action) {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                Err(git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Net, error.to_string()))
            }
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Returns the name that a service has on the other side.
fn name(service: Service) -> &'static str {
    match service {
        Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
        Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
    }
}
