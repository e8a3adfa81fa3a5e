//! Plays a history step by step, then repairs everything and checks the stored data.

use super::audit::audit;
use super::plan::{History, Step};
use super::run::{Asked, Run};
use super::slips::roles;
use super::strangers::Strangers;
use super::tally::Tally;
use super::verdict::Checked;
use super::world::World;
use capsule_shared::gateway::GatewayArgs;
use pocket_ic::PocketIc;

/// Rounds after the repair within which every call must be answered.
const MAX_ROUNDS: u32 = 60;

/// Plays one history on a fresh network. Returns how the calls of the people went.
///
/// # Errors
/// The first broken rule, in words.
pub fn play(pic: PocketIc, history: &History, strangers: Strangers) -> Checked<Tally> {
    let settings = GatewayArgs {
        trash_retention_ns: Some(history.trash_seconds * 1_000_000_000),
        ..strangers.settings()
    };
    let world = World::new(pic, history.beginning.as_ref(), settings);
    let mut run = Run::new(world, history)?;
    if strangers != Strangers::None {
        run.list_people()?;
    }
    if strangers == Strangers::Flood {
        run.begin_flood()?;
    }
    for (number, step) in history.steps.iter().enumerate() {
        run.flood()
            .and_then(|()| run.step(step))
            .map_err(|e| format!("step {number}, {step:?}: {e}"))?;
        run.note_copying();
    }
    run.calm()?;
    let tally = run.tally;
    run.nobody_is_locked_out()?;
    audit(run)?;
    Ok(tally)
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Checked {
        self.world.count_down();
        match *step {
            Step::Next(file) => self.next(file)?,
            Step::Begin(file) => self.begin(file)?,
            Step::Put {
                file,
                index,
                altered,
            } => {
                let index = index % self.file(file).chunks;
                if let Some(session) = self.current[file] {
                    self.put(session, index, altered)?;
                }
            }
            Step::Finish { file, wrong } => {
                if let Some(session) = self.current[file] {
                    self.finish(session, wrong)?;
                }
            }
            Step::Abort(file) => {
                if let Some(session) = self.current[file] {
                    self.known(session).may_have_ended = true;
                    self.send_for(
                        session,
                        "uploads_abort",
                        (session,),
                        Asked::Abort { session },
                    )?;
                }
            }
            Step::Delete(file) => self.delete(file)?,
            Step::Restore(file) => self.restore(file)?,
            Step::Purge(file) => self.purge(file)?,
            Step::Stranger(file) => self.intrude(file)?,
            Step::Grant(add) => self.grant(add)?,
            Step::Round => self.round()?,
            Step::Pass(seconds) => {
                self.world.pass(seconds);
                self.collect()?;
                self.round()?;
            }
            Step::Fault(method, fault) => self.world.plan(method, fault),
            Step::Outage(outage, steps) => {
                self.world.begin_outage(outage, steps);
                self.collect()?;
            }
            Step::Upgrade(place) => {
                self.world.upgrade(place, false)?;
                self.collect()?;
            }
            Step::Rudely(place) => {
                self.world.upgrade(place, true)?;
                self.collect()?;
            }
            Step::Misconfigure(wrong) => {
                self.world.misconfigure(wrong)?;
                self.collect()?;
            }
            Step::WrongModule { on, module, rudely } => {
                self.world.try_wrong_module(on, module, rudely)?;
                self.collect()?;
            }
            Step::OldGateway => {
                self.world.try_old_gateway()?;
                self.collect()?;
            }
        }
        Ok(())
    }

    /// Repairs everything and waits until every call is answered.
    fn calm(&mut self) -> Checked {
        self.world.mend()?;
        self.world.upgrade_the_rest()?;
        let roles = Some(roles(&self.world)?);
        if roles != self.roles {
            return Err(format!("{roles:?} is left, expected {:?}", self.roles));
        }
        for _ in 0..MAX_ROUNDS {
            self.round()?;
            if self.flights.is_empty() {
                return Ok(());
            }
            self.world.pass(5);
        }
        Err(format!("calls that are never answered: {:?}", self.flights))
    }
}
