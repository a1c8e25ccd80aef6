//! A program that uses cards as it likes, for the scenarios: it takes orders on its standard input, one a line, and
//! answers each by one line, `ok` with what was asked for, or `error` with the name of what pcscd answered.
//!
//! `list`, `await-present READER`, `await-absent READER`, `connect shared|exclusive READER`, `transmit DIGITS`,
//! `control CODE DIGITS`, `status`, `reset`, `unpower`, `reconnect`, `disconnect`, and `begin`; between that and `end` or
//! `end-reset` only `transmit`, `control` and `status`.

use std::ffi::CString;
use std::io::{BufRead, Lines, StdinLock, Write};
use std::time::{Duration, Instant};

use data_encoding::HEXUPPER;
use pcsc::{
    Card, Context, Disposition, Error, MAX_BUFFER_SIZE_EXTENDED, Protocols, ReaderState, Scope, ShareMode,
    State,
};

fn main() {
    let mut lines = std::io::stdin().lock().lines();
    let (mut context, mut card) = (None, None);
    while let Some(line) = next(&mut lines) {
        let (order, rest) = split(&line);
        match (order, &mut card) {
            ("begin", Some(card)) => hold(card, &mut lines),
            ("list" | "await-present" | "await-absent", _) => say(look(&mut context, order, rest)),
            ("connect", _) => {
                // Gone with its reader as it may be; dropping it would reset the card.
                drop(disconnect(card.take()));
                match connect(&mut context, rest) {
                    Ok(connected) => {
                        card = Some(connected);
                        say(Ok(String::new()));
                    }
                    Err(error) => say(Err(error)),
                }
            }
            ("disconnect", _) => say(disconnect(card.take())),
            (_, Some(card)) => say(use_card(card, order, rest)),
            (_, None) => say(Err(Error::InvalidHandle)),
        }
    }
}

/// Asks about the readers.
fn look(context: &mut Option<Context>, order: &str, rest: &str) -> Result<String, Error> {
    in_context(context, |context| match order {
        "list" => {
            let names = context.list_readers_owned()?;
            Ok(names.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("|"))
        }
        "await-present" => wait(context, rest, State::PRESENT),
        _ => wait(context, rest, State::EMPTY),
    })
}

/// Waits until the reader is in that state: an event, never a question asked again and again.
fn wait(context: &Context, reader: &str, wanted: State) -> Result<String, Error> {
    let mut states = [ReaderState::new(name(reader)?, State::UNAWARE)];
    let began = Instant::now();
    loop {
        context.get_status_change(DEADLINE.saturating_sub(began.elapsed()), &mut states)?;
        if states[0].event_state().contains(wanted) {
            return Ok(HEXUPPER.encode(states[0].atr()));
        }
        states[0].sync_current_state();
    }
}

fn connect(context: &mut Option<Context>, rest: &str) -> Result<Card, Error> {
    let (mode, reader) = split(rest);
    let mode = match mode {
        "shared" => ShareMode::Shared,
        "exclusive" => ShareMode::Exclusive,
        _ => return Err(Error::InvalidParameter),
    };
    let reader = name(reader)?;
    in_context(context, |context| context.connect(&reader, mode, Protocols::ANY))
}

fn disconnect(card: Option<Card>) -> Result<String, Error> {
    let card = card.ok_or(Error::InvalidHandle)?;
    card.disconnect(Disposition::LeaveCard).map_err(|(_, error)| error)?;
    Ok(String::new())
}

/// Holds a transaction until the test ends it; so long only what speaks to the card is obeyed.
fn hold(card: &mut Card, lines: &mut Input) {
    let held = match card.transaction() {
        Ok(held) => held,
        Err(error) => return say(Err(error)),
    };
    say(Ok(String::new()));
    while let Some(line) = next(lines) {
        let (order, rest) = split(&line);
        let disposition = match order {
            "end" => Disposition::LeaveCard,
            "end-reset" => Disposition::ResetCard,
            _ => {
                say(speak(&held, order, rest));
                continue;
            }
        };
        return say(held.end(disposition).map_err(|(_, error)| error).map(|()| String::new()));
    }
}

fn use_card(card: &mut Card, order: &str, rest: &str) -> Result<String, Error> {
    let how = match order {
        "reset" => Disposition::ResetCard,
        "unpower" => Disposition::UnpowerCard,
        "reconnect" => Disposition::LeaveCard,
        _ => return speak(card, order, rest),
    };
    card.reconnect(ShareMode::Shared, Protocols::ANY, how).map(|()| String::new())
}

fn speak(card: &Card, order: &str, rest: &str) -> Result<String, Error> {
    let mut answer = vec![0; MAX_BUFFER_SIZE_EXTENDED];
    match order {
        "transmit" => Ok(HEXUPPER.encode(card.transmit(&bytes(rest)?, &mut answer)?)),
        "control" => {
            let (code, input) = split(rest);
            let code = u32::from_str_radix(code, 16).map_err(|_| Error::InvalidParameter)?;
            Ok(HEXUPPER.encode(card.control(code.into(), &bytes(input)?, &mut answer)?))
        }
        "status" => card.status2_owned().map(|_| String::new()),
        _ => Err(Error::InvalidParameter),
    }
}

/// Does something in a context, and once again in a new one if that was of a pcscd that has ended.
fn in_context<T>(
    context: &mut Option<Context>,
    act: impl Fn(&Context) -> Result<T, Error>,
) -> Result<T, Error> {
    if let Some(old) = context {
        match act(old) {
            Err(Error::NoService | Error::CommError | Error::InvalidHandle | Error::ServiceStopped) => {}
            done => return done,
        }
    }
    act(context.insert(Context::establish(Scope::User)?))
}

fn split(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

fn name(reader: &str) -> Result<CString, Error> {
    CString::new(reader).map_err(|_| Error::InvalidParameter)
}

fn bytes(digits: &str) -> Result<Vec<u8>, Error> {
    HEXUPPER.decode(digits.as_bytes()).map_err(|_| Error::InvalidParameter)
}

fn next(lines: &mut Input) -> Option<String> {
    lines.next()?.ok()
}

fn say(answer: Result<String, Error>) {
    let line = match answer {
        Ok(what) => format!("ok {what}"),
        Err(error) => format!("error {error:?}"),
    };
    let mut out = std::io::stdout().lock();
    // Where nobody reads any more, the input ends next.
    drop(writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush()));
}

type Input = Lines<StdinLock<'static>>;

/// How long anything may take before the program says so.
const DEADLINE: Duration = Duration::from_secs(60);
