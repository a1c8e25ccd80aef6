//! The path of a request, on one screen.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use claviger_core::plan::{Plan, plan};
use claviger_core::policy::authorize;
use claviger_core::{Input, Refusal, Request, places};
use claviger_token::{KeyHandle, Pace, Purpose, Token, TokenKind, TokenOp, TokenOutput};

use crate::agents::{self, Asking, KeyUse};
use crate::clock::now;
use crate::errand::{on_behalf, purpose, with_reason};
use crate::host::{after, before, check, keep};
use crate::operation::Thread;
use crate::service::{Service, Step};
use crate::settle::{look_again, settle};

/// The data of a request.
pub enum Data {
    /// By value.
    Bytes(Vec<u8>),
    /// By descriptor.
    File(OwnedFd),
}

/// Takes one request from its peer to its reply. Step 1 was the bus face, which made the [`Request`].
pub async fn run(
    service: &Arc<Service>,
    asking: Asking<'_>,
    request: Request,
    data: Data,
) -> Result<Vec<u8>, Refusal> {
    let underway = asking.peer.begin_operation();

    // 2 identify
    let visit = service.visit(asking.peer).await?;
    let caller = &visit.caller;
    service.reached(Step::Identify).await;

    // 3 lookup
    let seat = service.accounts.seat(caller.uid);
    let account = seat.callers(&service.table, caller).await?;
    let user = &account.user;
    let key = request.selector.find(&account.keys, &user.defaults, Some(request.purpose))?;
    service.reached(Step::Lookup).await;

    // 4 authorize
    let circumstances = service.circumstances(asking, caller.uid, (key, &request)).await;
    let verdict = authorize(caller, user, key, request.purpose, circumstances)?;
    service.reached(Step::Authorize).await;

    // 5 settle
    let seat = &seat;
    let at = request.at.as_ref();
    if places(key, at).any(|place| place.kind == TokenKind::Phone) {
        // A phone that was cut off is dialled now, not when its back-off says so.
        Box::pin(seat.reach(key, at)).await;
    }
    let of = KeyUse { asking, seat, account: &account, key, placement: None, request: Some(&request) };
    let authorized = settle(service, caller, verdict, of).await?;

    // 6 plan
    let (placement, token) = seat.place(&account, key, at)?;
    asking.may_bother(&*token)?;
    let plan = plan(authorized, &request, &key.info, &token.capabilities(), data.shape())?;
    service.reached(Step::Plan).await;

    // 7 perform
    let handle = key.handle(placement);
    if !token.is_ready(&handle) {
        // Before a file is read for nothing; boxed, so that whoever has a token that is ready need not carry it.
        let of = KeyUse { placement: Some(placement), ..of };
        Box::pin(agents::unlock(service, caller, of, placement)).await?;
        look_again(service, caller, of, request.purpose).await?;
    }
    let data = before(service, caller.uid, &plan, key.info.algorithm, data).await?;
    let kept = keep(&plan, seat.vouches(placement, key), &data);
    let purpose = with_reason(purpose(plan.purpose), &request);
    let token = on_behalf(service, (asking.peer, caller), token, &purpose).await;
    let operation = operation(&plan, handle, data);
    let output = perform(service, caller.uid, underway.thread(), token, operation).await?;
    seat.note_use(key.id(), &placement.token, now());
    service.reached(Step::Perform).await;

    // 8 finish
    check(&plan, &key.info, &kept, &output)?;
    let reply = after(service, &plan.after, key.info.algorithm, &kept, output);
    service.reached(Step::Finish).await;
    reply
}

impl Data {
    /// Returns what the plan needs to know of the data.
    pub const fn shape(&self) -> Input {
        match self {
            Self::Bytes(bytes) => Input::Bytes(bytes.len()),
            Self::File(_) => Input::Stream,
        }
    }
}

fn operation(plan: &Plan, key: KeyHandle, data: Vec<u8>) -> TokenOp {
    let (mechanism, parameters) = (plan.mechanism, plan.parameters.clone());
    match plan.purpose {
        Purpose::Sign => TokenOp::Sign { key, mechanism, parameters, data },
        Purpose::Decrypt => TokenOp::Decrypt { key, mechanism, parameters, ciphertext: data },
        Purpose::Derive => TokenOp::Derive { key, mechanism, peer: data },
        Purpose::Decapsulate => TokenOp::Decapsulate { key, mechanism, ciphertext: data },
    }
}

/// Runs an operation as its token wants it run. A hand-over to a worker costs more than a fast operation does, and on
/// processors that sleep a third of an RSA signature.
pub async fn perform(
    service: &Service,
    uid: u32,
    thread: Thread,
    token: Arc<dyn Token>,
    operation: TokenOp,
) -> Result<TokenOutput, Refusal> {
    let kind = token.kind();
    let outcome = match token.pace(&operation) {
        Pace::InPlace | Pace::Own => token.perform(operation).await,
        Pace::Worker if thread == Thread::Free => {
            service.workers.run_here(uid, token.perform(operation)).await?
        }
        Pace::Worker => {
            let runtime = service.runtime.clone();
            service.workers.run(uid, move || runtime.block_on(token.perform(operation))).await?
        }
    };
    outcome.map_err(|error| Refusal::of_token(kind, error))
}
