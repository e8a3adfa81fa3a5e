//! The sessions of all users.

use crate::arguments::admin::SessionsCommand;
use crate::commands::admin::amounts::{self, age, or_unknown};
use crate::commands::admin::consent::Consent;
use crate::commands::admin::session_line::SessionLine;
use crate::commands::admin::table::{Side, Table};
use crate::failure::Outcome;
use crate::network::canister::{Canister, OperatorError};
use crate::output::Output;
use capsule_shared::principals::SessionHolder;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub struct Sessions {
    pub gateway: Canister,
    pub consent: Consent,
    pub output: Output,
}

impl Sessions {
    pub async fn run(&self, command: SessionsCommand) -> Outcome {
        match command {
            SessionsCommand::List => self.list().await,
            SessionsCommand::End { sessions } => self.end(&sessions).await,
        }
    }

    async fn list(&self) -> Outcome {
        // It refuses a stranger, to whom the gateway would list the stranger's own sessions.
        let holders = self.gateway.session_holders().await?;
        let listed = self.gateway.session_lines().await?;
        let sessions: Vec<SessionLine> = listed.lines().filter_map(SessionLine::parse).collect();
        // the last line says that there are more
        let complete = listed.lines().count() == sessions.len();
        let now = amounts::now();
        let mut lines = table(&sessions, now);
        if !complete {
            lines.push(format!("and more than these {}", sessions.len()));
        }
        lines.push(String::new());
        lines.extend(holders_table(&holders, now));
        let sessions: Vec<Value> = sessions.iter().map(SessionLine::json).collect();
        let holders: Vec<Value> = holders.iter().map(holder_json).collect();
        self.output.report(
            &lines,
            json!({ "sessions": sessions, "complete": complete, "holders": holders }),
        );
        Ok(())
    }

    async fn end(&self, sessions: &[u64]) -> Outcome {
        // a stranger learns at once that this isn't allowed
        self.gateway.session_holders().await?;
        let all = sessions.iter().copied().collect::<BTreeSet<u64>>();
        let all: Vec<u64> = all.into_iter().collect();
        let plan = [
            named(&all),
            "  end if they are pending; their uploaders have to begin anew".into(),
        ];
        self.consent.to(&plan).await?;
        let ended = self.gateway.end_sessions(&all).await?;
        let left: Vec<u64> = all.into_iter().filter(|id| !ended.contains(id)).collect();
        let lines = ended.iter().map(|id| format!("session {id} is ended"));
        let lines: Vec<String> = lines.collect();
        let value = json!({ "ended": ended, "not_ended": left });
        self.output.report(&lines, value);
        match left.is_empty() {
            true => Ok(()),
            false => Err(OperatorError::NotEnded {
                sessions: named(&left),
            }
            .into()),
        }
    }
}

fn named(sessions: &[u64]) -> String {
    let numbers: Vec<String> = sessions.iter().map(u64::to_string).collect();
    let noun = if sessions.len() == 1 {
        "session"
    } else {
        "sessions"
    };
    format!("{noun} {}", numbers.join(", "))
}

fn table(sessions: &[SessionLine], now: u64) -> Vec<String> {
    let mut table = Table::new(&[
        ("session", Side::Right),
        ("state", Side::Left),
        ("chunks", Side::Right),
        ("bytes", Side::Right),
        ("last seen", Side::Right),
        ("capsule", Side::Left),
        ("name", Side::Left),
    ]);
    for session in sessions {
        table.row(vec![
            session.id.to_string(),
            session.state.clone(),
            format!("{} of {}", session.received_chunks, session.expected_chunks),
            session.bytes.to_string(),
            age(session.last_seen, now),
            session.capsule.clone(),
            session.name.clone(),
        ]);
    }
    table.lines()
}

fn holders_table(holders: &[SessionHolder], now: u64) -> Vec<String> {
    let mut table = Table::new(&[
        ("active sessions", Side::Right),
        ("known", Side::Left),
        ("no progress", Side::Right),
        ("principal", Side::Left),
    ]);
    for holder in holders {
        table.row(vec![
            holder.sessions.to_string(),
            if holder.known { "yes" } else { "no" }.into(),
            or_unknown(holder.no_progress_since, |since| age(since, now)),
            holder.principal.to_text(),
        ]);
    }
    table.lines()
}

fn holder_json(holder: &SessionHolder) -> Value {
    json!({
        "principal": holder.principal.to_text(),
        "sessions": holder.sessions,
        "known": holder.known,
        "no_progress_since_ns": holder.no_progress_since,
    })
}
