//! The principals that the operator listed as known, or blocked.

use crate::arguments::admin::PrincipalsCommand;
use crate::commands::admin::amounts::or_unknown;
use crate::commands::admin::consent::Consent;
use crate::commands::admin::table::{Side, Table};
use crate::dates::date;
use crate::failure::Outcome;
use crate::network::canister::Canister;
use crate::output::Output;
use candid::Principal;
use capsule_shared::principals::PrincipalEntry;
use serde_json::{Value, json};

pub struct Marks {
    pub gateway: Canister,
    pub consent: Consent,
    pub output: Output,
}

/// A change of many principals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Add,
    Remove,
    Block,
    Unblock,
}

impl Marks {
    pub async fn run(&self, command: PrincipalsCommand) -> Outcome {
        match command {
            PrincipalsCommand::List => self.list().await,
            PrincipalsCommand::Add(these) => self.mark(Mark::Add, &these.principals).await,
            PrincipalsCommand::Remove(these) => self.mark(Mark::Remove, &these.principals).await,
            PrincipalsCommand::Block(these) => self.mark(Mark::Block, &these.principals).await,
            PrincipalsCommand::Unblock(these) => self.mark(Mark::Unblock, &these.principals).await,
        }
    }

    async fn list(&self) -> Outcome {
        let principals = self.gateway.principals().await?;
        let listed: Vec<Value> = principals.iter().map(entry_json).collect();
        self.output
            .report(&table(&principals), json!({ "principals": listed }));
        Ok(())
    }

    async fn mark(&self, mark: Mark, principals: &[Principal]) -> Outcome {
        // a stranger learns at once that this isn't allowed
        self.gateway.session_holders().await?;
        let mut plan: Vec<String> = principals.iter().map(Principal::to_text).collect();
        plan.push(format!("  {}", mark.effect()));
        self.consent.to(&plan).await?;
        let ended = match mark.method() {
            Some(method) => {
                self.gateway.mark_principals(method, principals).await?;
                None
            }
            None => Some(self.gateway.block_principals(principals).await?),
        };
        let done = mark.done();
        let mut lines: Vec<String> = principals
            .iter()
            .map(|principal| format!("{principal} is {done}"))
            .collect();
        if let Some(ended) = ended {
            lines.push(format!("{ended} sessions are ended"));
        }
        let texts: Vec<String> = principals.iter().map(Principal::to_text).collect();
        self.output.report(
            &lines,
            json!({ "principals": texts, "done": done, "ended_sessions": ended }),
        );
        Ok(())
    }
}

impl Mark {
    /// The method that only changes the list. A block also ends sessions.
    fn method(self) -> Option<&'static str> {
        match self {
            Mark::Add => Some("principals_add"),
            Mark::Remove => Some("principals_remove"),
            Mark::Unblock => Some("principals_unblock"),
            Mark::Block => None,
        }
    }

    fn effect(self) -> &'static str {
        match self {
            Mark::Add => "count as known from now on: strangers take none of their room",
            Mark::Remove => "count as known only by their own uploads from now on",
            Mark::Block => "are blocked: their pending sessions end, their updates are refused",
            Mark::Unblock => "may upload again",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Mark::Add => "known",
            Mark::Remove => "not listed as known",
            Mark::Block => "blocked",
            Mark::Unblock => "not blocked",
        }
    }
}

fn table(principals: &[PrincipalEntry]) -> Vec<String> {
    let mut table = Table::new(&[
        ("principal", Side::Left),
        ("known since", Side::Left),
        ("blocked since", Side::Left),
        ("first upload", Side::Left),
    ]);
    for entry in principals {
        table.row(vec![
            entry.principal.to_text(),
            or_unknown(entry.known_since, date),
            or_unknown(entry.blocked_since, date),
            or_unknown(entry.first_upload_at, date),
        ]);
    }
    table.lines()
}

fn entry_json(entry: &PrincipalEntry) -> Value {
    json!({
        "principal": entry.principal.to_text(),
        "known_since_ns": entry.known_since,
        "blocked_since_ns": entry.blocked_since,
        "first_upload_at_ns": entry.first_upload_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_its_dates() {
        let entry = PrincipalEntry {
            principal: Principal::anonymous(),
            known_since: None,
            blocked_since: Some(951_782_400_000_000_000),
            first_upload_at: None,
        };
        assert_eq!(
            table(&[entry]),
            [
                "principal  known since  blocked since         first upload",
                "2vxsx-fae  -            2000-02-29 00:00 UTC  -",
            ]
        );
        assert_eq!(entry_json(&entry)["known_since_ns"], Value::Null);
    }
}
