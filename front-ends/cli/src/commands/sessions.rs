//! `claviger session` and `claviger removal`: what happens to sessions when their token goes.

use claviger_client::SessionRow;
use serde_json::{Value, json};

use super::{connect, say};
use crate::cli::{Bind, Global, Removal, SessionCommand};
use crate::show::{Facts, Table, plain, time};
use crate::{Problem, files};

/// `claviger session`
pub(super) fn run(global: &Global, command: &SessionCommand) -> Result<(), Problem> {
    match command {
        SessionCommand::List => list(global),
        SessionCommand::Bind(Bind { session, token }) => {
            connect(global)?.bind_session(session, token)?;
            say(global, "the session is bound to the token")
        }
        SessionCommand::Release { session } => {
            connect(global)?.release_session(session)?;
            say(global, "the session is bound to nothing")
        }
    }
}

fn list(global: &Global) -> Result<(), Problem> {
    let sessions = connect(global)?.list_sessions()?;
    if global.json {
        return files::json(&sessions.iter().map(|(id, session)| session_json(id, session)).collect());
    }
    if sessions.is_empty() {
        eprintln!("no sessions");
        return Ok(());
    }
    let mut table = Table::new(&["SESSION", "USER", "WHERE", "STATE", "BOUND TO", "WHEN IT GOES"]);
    for (id, session) in sessions {
        table.row([
            id,
            session.user_name.clone(),
            place(&session),
            if session.locked { "locked" } else { "open" }.to_owned(),
            bound_to(&session),
            consequence(&session),
        ]);
    }
    table.lines().iter().try_for_each(|line| files::line(line))
}

/// `claviger removal`
pub(super) fn removal(global: &Global, options: &Removal) -> Result<(), Problem> {
    let client = connect(global)?;
    match options.action.as_deref() {
        Some(action) => {
            client.set_removal_action(if action == "default" { "" } else { action })?;
            say(global, "done")
        }
        None => {
            let account = client.account()?;
            let own = account.removal_action.unwrap_or_default();
            let (local, remote) =
                (account.removal_local.unwrap_or_default(), account.removal_remote.unwrap_or_default());
            if global.json {
                return files::json(
                    &json!({ "removal-action": own, "removal-local": local, "removal-remote": remote }),
                );
            }
            let mut facts = Facts::default();
            let own =
                if own.is_empty() { "what the administrator configured".to_owned() } else { plain(&own) };
            facts.add("you want", own).add("at this machine", plain(&local)).add("from afar", plain(&remote));
            facts.lines().iter().try_for_each(|line| files::line(line))
        }
    }
}

/// Returns a session as JSON, named as on the bus.
fn session_json(id: &str, session: &SessionRow) -> Value {
    let SessionRow {
        uid,
        user_name,
        class,
        r#type,
        seat,
        tty,
        remote,
        remote_host,
        locked,
        can_lock,
        token,
        token_name,
        presence,
        how,
        bound_at,
        action,
    } = session;
    json!({
        "id": id, "uid": uid, "user-name": user_name, "class": class, "type": r#type, "seat": seat, "tty": tty,
        "remote": remote, "remote-host": remote_host, "locked": locked, "can-lock": can_lock, "token": token,
        "token-name": token_name, "presence": presence, "how": how, "bound-at": bound_at, "action": action,
    })
}

/// Returns where a session is: its seat and terminal, or from where.
fn place(session: &SessionRow) -> String {
    let SessionRow { seat, tty, remote, remote_host, r#type, .. } = session;
    let here = [seat, tty].into_iter().find(|part| !part.is_empty());
    match (remote, remote_host.as_str(), here) {
        (true, "", _) => "from afar".to_owned(),
        (true, host, _) => format!("from {host}"),
        (false, _, Some(here)) => format!("{here} ({type})"),
        (false, _, None) => r#type.clone(),
    }
}

fn bound_to(session: &SessionRow) -> String {
    let Some(token) = &session.token else { return "nothing".to_owned() };
    let name = session.token_name.as_ref().unwrap_or(token);
    let since = session.bound_at.map(|at| format!(" since {}", time(at))).unwrap_or_default();
    format!("{name}{since}")
}

fn consequence(session: &SessionRow) -> String {
    match session.action.as_deref() {
        None => String::new(),
        Some("lock") => "it locks".to_owned(),
        Some("terminate") => "it ends".to_owned(),
        Some("none") => "nothing".to_owned(),
        Some(other) => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{SessionRow, bound_to, consequence, place};

    #[test]
    fn a_session_is_told_by_where_the_person_is() {
        let row = |seat: &str, tty: &str, remote, host: &str| SessionRow {
            seat: seat.to_owned(),
            tty: tty.to_owned(),
            remote,
            remote_host: host.to_owned(),
            r#type: "tty".to_owned(),
            ..SessionRow::default()
        };
        for (session, expected) in [
            (row("seat0", "tty2", false, ""), "seat0 (tty)"),
            (row("", "pts/1", false, ""), "pts/1 (tty)"),
            (row("", "pts/1", true, "198.51.100.7"), "from 198.51.100.7"),
            (row("", "", true, ""), "from afar"),
            (row("", "", false, ""), "tty"),
        ] {
            assert_eq!(place(&session), expected);
        }
    }

    #[test]
    fn what_a_session_is_bound_to_is_told_with_what_follows() {
        let free = SessionRow::default();
        assert_eq!((bound_to(&free).as_str(), consequence(&free).as_str()), ("nothing", ""));
        let bound = SessionRow {
            token: Some("card:piv:00ff".to_owned()),
            token_name: Some("card \"work\"".to_owned()),
            bound_at: Some(0),
            action: Some("lock".to_owned()),
            ..SessionRow::default()
        };
        assert_eq!(bound_to(&bound), "card \"work\" since 1970-01-01T00:00:00Z");
        assert_eq!(consequence(&bound), "it locks");
    }
}
