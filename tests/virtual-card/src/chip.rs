//! The chip below the applets: what the `trussed` crates ask for, answered in the caller's own thread.
//!
//! `trussed::virt` has a thread that looks for requests every millisecond and a fixed seed; both would be felt.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use littlefs2_core::{DynFilesystem, PathBuf};
use rand_core::OsRng;
use trussed::backend::{Backend, BackendId};
use trussed::platform::{Platform, UserInterface};
use trussed::serde_extensions::{ExtensionDispatch, ExtensionImpl};
use trussed::service::ServiceResources;
use trussed::store::Store;
use trussed::types::{Context, CoreContext};
use trussed_auth::AuthExtension;
use trussed_auth_backend::{AuthBackend, AuthContext, FilesystemLayout};
use trussed_chunked::ChunkedExtension;
use trussed_core::api::{Reply, Request, RequestVariant, reply, request};
use trussed_core::serde_extensions::ExtensionClient;
use trussed_core::types::{Location, consent};
use trussed_core::{
    ClientResult, CryptoClient, Error, FilesystemClient, FutureResult, PollClient, UiClient, mechanisms,
};
use trussed_hpke::HpkeExtension;
use trussed_rsa_alloc::SoftwareRsa;
use trussed_staging::{StagingBackend, StagingContext};
use trussed_wrap_key_to_file::WrapKeyToFileExtension;

use crate::flash::Memory;
use crate::touch::Touch;

/// A powered chip.
pub struct Chip<'a>(Rc<RefCell<Service<'a>>>);

impl<'a> Chip<'a> {
    /// Powers a chip with this memory and this button.
    pub fn new(memory: Memory<'a>, touch: Arc<Touch>) -> Self {
        let hardware = Hardware { memory, touch, since: Instant::now(), random: OsRng };
        let service = Service {
            resources: ServiceResources::new(hardware),
            backends: Backends {
                auth: AuthBackend::new(Location::Internal, FilesystemLayout::V1),
                staging: StagingBackend::new(),
            },
        };
        Self(Rc::new(RefCell::new(service)))
    }

    /// Returns a door to the chip for the applet of this name; names have folders of their own.
    pub fn client(&self, name: &str) -> Client<'a> {
        let name = PathBuf::try_from(name).expect("the names of applets are short");
        Client { service: Rc::clone(&self.0), context: CoreContext::new(name).into(), reply: None }
    }
}

/// What an applet holds of the chip.
pub struct Client<'a> {
    service: Rc<RefCell<Service<'a>>>,
    context: Context<Contexts>,
    reply: Option<Result<Reply, Error>>,
}

impl PollClient for Client<'_> {
    fn request<R: RequestVariant>(&mut self, request: R) -> ClientResult<'_, R::Reply, Self> {
        let request = request.into();
        self.reply = Some(self.service.borrow_mut().perform(&mut self.context, &request));
        Ok(FutureResult::new(self))
    }

    fn poll(&mut self) -> Poll<Result<Reply, Error>> {
        self.reply.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl CryptoClient for Client<'_> {}
impl FilesystemClient for Client<'_> {}
impl UiClient for Client<'_> {}
impl mechanisms::Tdes for Client<'_> {}

struct Service<'a> {
    resources: ServiceResources<Hardware<'a>>,
    backends: Backends,
}

impl Service<'_> {
    fn perform(&mut self, context: &mut Context<Contexts>, request: &Request) -> Result<Reply, Error> {
        for backend in ORDER {
            let reply = self.resources.dispatch(&mut self.backends, backend, context, request);
            if reply != Err(Error::RequestNotAvailable) {
                return reply;
            }
        }
        Err(Error::RequestNotAvailable)
    }
}

struct Hardware<'a> {
    memory: Memory<'a>,
    touch: Arc<Touch>,
    since: Instant,
    random: OsRng,
}

impl<'a> Platform for Hardware<'a> {
    type R = OsRng;
    type S = Memory<'a>;
    type UI = Self;

    fn rng(&mut self) -> &mut OsRng {
        &mut self.random
    }

    fn store(&self) -> Memory<'a> {
        self.memory
    }

    fn user_interface(&mut self) -> &mut Self {
        self
    }
}

impl UserInterface for Hardware<'_> {
    fn check_user_presence(&mut self) -> consent::Level {
        if self.touch.is_given() { consent::Level::Normal } else { consent::Level::None }
    }

    fn uptime(&mut self) -> Duration {
        self.since.elapsed()
    }
}

impl Store for Memory<'_> {
    fn ifs(&self) -> &dyn DynFilesystem {
        self.internal
    }

    fn efs(&self) -> &dyn DynFilesystem {
        self.external
    }

    fn vfs(&self) -> &dyn DynFilesystem {
        self.volatile
    }
}

struct Backends {
    auth: AuthBackend,
    staging: StagingBackend,
}

#[derive(Default)]
struct Contexts {
    auth: AuthContext,
    staging: StagingContext,
}

#[derive(Clone, Copy)]
enum Which {
    Rsa,
    Staging,
    Auth,
}

/// RSA first, as the core knows the mechanisms' names and refuses them.
const ORDER: &[BackendId<Which>] = &[
    BackendId::Custom(Which::Rsa),
    BackendId::Custom(Which::Staging),
    BackendId::Custom(Which::Auth),
    BackendId::Core,
];

impl ExtensionDispatch for Backends {
    type BackendId = Which;
    type Context = Contexts;
    type ExtensionId = Extension;

    fn core_request<P: Platform>(
        &mut self,
        backend: &Which,
        context: &mut Context<Contexts>,
        request: &Request,
        resources: &mut ServiceResources<P>,
    ) -> Result<Reply, Error> {
        let Context { core, backends, .. } = context;
        match backend {
            Which::Rsa => SoftwareRsa.request(core, &mut (), request, resources),
            Which::Staging => self.staging.request(core, &mut backends.staging, request, resources),
            Which::Auth => self.auth.request(core, &mut backends.auth, request, resources),
        }
    }

    fn extension_request<P: Platform>(
        &mut self,
        backend: &Which,
        extension: &Extension,
        context: &mut Context<Contexts>,
        request: &request::SerdeExtension,
        resources: &mut ServiceResources<P>,
    ) -> Result<reply::SerdeExtension, Error> {
        let Context { core, backends, .. } = context;
        let (staging, kept) = (&mut self.staging, &mut backends.staging);
        match (backend, extension) {
            (Which::Auth, Extension::Auth) => ExtensionImpl::<AuthExtension>::extension_request_serialized(
                &mut self.auth,
                core,
                &mut backends.auth,
                request,
                resources,
            ),
            (Which::Staging, Extension::Chunked) => {
                ExtensionImpl::<ChunkedExtension>::extension_request_serialized(
                    staging, core, kept, request, resources,
                )
            }
            (Which::Staging, Extension::Hpke) => {
                ExtensionImpl::<HpkeExtension>::extension_request_serialized(
                    staging, core, kept, request, resources,
                )
            }
            (Which::Staging, Extension::WrapKeyToFile) => {
                ExtensionImpl::<WrapKeyToFileExtension>::extension_request_serialized(
                    staging, core, kept, request, resources,
                )
            }
            (Which::Rsa | Which::Auth | Which::Staging, _) => Err(Error::RequestNotAvailable),
        }
    }
}

/// The numbers by which the extensions are called.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Extension {
    /// PINs and their counters.
    Auth,
    /// Files larger than one message.
    Chunked,
    /// Hybrid public key encryption.
    Hpke,
    /// Keys kept encrypted.
    WrapKeyToFile,
}

impl TryFrom<u8> for Extension {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        [Self::Auth, Self::Chunked, Self::Hpke, Self::WrapKeyToFile]
            .into_iter()
            .find(|one| *one as u8 == number)
            .ok_or(Error::FunctionNotSupported)
    }
}

impl ExtensionClient<AuthExtension> for Client<'_> {
    fn id() -> u8 {
        Extension::Auth as u8
    }
}

impl ExtensionClient<ChunkedExtension> for Client<'_> {
    fn id() -> u8 {
        Extension::Chunked as u8
    }
}

impl ExtensionClient<HpkeExtension> for Client<'_> {
    fn id() -> u8 {
        Extension::Hpke as u8
    }
}

impl ExtensionClient<WrapKeyToFileExtension> for Client<'_> {
    fn id() -> u8 {
        Extension::WrapKeyToFile as u8
    }
}
