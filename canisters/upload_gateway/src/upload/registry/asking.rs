//! When each store is asked for its next report.

use super::Registry;
use super::listed::{Asking, REPORT_NS, Told};
use super::question::Question;
use candid::Principal;
use ic_stable_structures::Memory;

impl<M: Memory> Registry<M> {
    /// When the next store is due, in nanoseconds since 1970. `None` while stores are being asked.
    pub fn next_question(&self) -> Option<u64> {
        self.next_question.filter(|_| !self.asking.get())
    }

    /// Begins to ask the stores that are due. `None` if none is, or stores are being asked.
    pub fn begin_asking(&self, now: u64) -> Option<Asking> {
        self.next_question().filter(|due| *due <= now)?;
        Some(Asking::begin(&self.asking))
    }

    /// Asks the store whose question is due longest. `None` if none is due.
    pub fn ask_next(&mut self, now: u64) -> Option<Question> {
        loop {
            let asked = self.listed.iter().filter(|(_, listed)| listed.is_asked());
            let due = asked.filter(|(_, listed)| listed.ask_at <= now);
            let (id, _) = due.min_by_key(|(id, listed)| (listed.ask_at, **id))?;
            let id = *id;
            if let Some(question) = self.ask(id, now) {
                return Some(question);
            }
        }
    }

    /// Notes that the question to this store leaves now: its report will count the promises so far.
    /// If the answer is cut off, the store is asked again at its next time. `None` while another
    /// question to it is open, whose answer couldn't be told from this one's.
    pub fn ask(&mut self, id: Principal, now: u64) -> Option<Question> {
        let question = Question::open(&self.questions, id);
        self.update(id, |listed| {
            listed.ask_at = now.saturating_add(REPORT_NS);
            if question.is_some() {
                listed.questions += 1;
                listed.opening = false;
                listed.store.asked();
            }
        });
        question
    }

    /// The answer to a question.
    pub fn told(&mut self, question: &Question, told: Told, now: u64) {
        self.update(question.store(), |listed| listed.told(told, now));
    }
}
