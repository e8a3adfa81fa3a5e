//! Open questions to stores for their reports: at most one to each.

use candid::Principal;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The stores that are being asked.
#[derive(Default)]
pub struct Questions(Rc<RefCell<BTreeSet<Principal>>>);

/// An open question. Dropping it closes it, also when a callback traps.
pub struct Question {
    questions: Rc<RefCell<BTreeSet<Principal>>>,
    store: Principal,
}

impl Question {
    /// `None` if a question to the store is open.
    pub fn open(questions: &Questions, store: Principal) -> Option<Self> {
        let first = questions.0.borrow_mut().insert(store);
        first.then(|| Question {
            questions: questions.0.clone(),
            store,
        })
    }

    pub fn store(&self) -> Principal {
        self.store
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.questions.borrow_mut().remove(&self.store);
    }
}
