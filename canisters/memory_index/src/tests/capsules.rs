//! Tests of capsules: who may make them, see them and control them.

use super::{call, commit, is_invalid, person, state};
use crate::capsules::controllers::MAX_CONTROLLERS;
use crate::capsules::create::MAX_OWNED;
use crate::state::State;
use candid::Principal;
use capsule_shared::Error;
use capsule_shared::capsule::PersonRef;
use capsule_shared::limits::MAX_ID_BYTES;
use capsule_shared::memory_index::CapsuleUsage;
use ic_stable_structures::VectorMemory;

#[test]
fn everybody_can_have_one_own_capsule() {
    let memory = VectorMemory::default();
    let mut state = State::open(memory.clone());
    let read = state.index.capsule_read(person(1), None);
    assert_eq!(read, Err(Error::NotFound));
    let own = state
        .index
        .capsule_create(call(1, 5), person(1), None, None)
        .unwrap();
    assert_eq!(own.id, "capsule-1");
    assert_eq!(own.subject, PersonRef::Principal(person(1)));
    assert_eq!(own.owners.len(), 1);
    assert_eq!((own.created_at, own.updated_at), (5, 5));
    let mut state = State::open(memory);
    // It is the same through another gateway, and with the subject given.
    let again = state
        .index
        .capsule_create(call(2, 9), person(1), None, None);
    assert_eq!(again.unwrap(), own);
    let subject = Some(PersonRef::Principal(person(1)));
    let again = state
        .index
        .capsule_create(call(1, 9), person(1), subject, None);
    assert_eq!(again.unwrap(), own);
    let info = state.index.capsule_read(person(1), None).unwrap();
    assert_eq!(info.capsule_id, "capsule-1");
    assert!(info.is_owner && info.is_self_capsule && !info.is_controller);
    let other = state
        .index
        .capsule_create(call(1, 9), person(2), None, None);
    assert_eq!(other.unwrap().id, "capsule-2");
}

#[test]
fn a_subject_names_one_capsule_of_its_owner() {
    let mut state = state();
    let index = &mut state.index;
    let mut create = |who, subject: PersonRef| {
        let capsule = index.capsule_create(call(1, 1), person(who), Some(subject), None);
        capsule.unwrap().id
    };
    let grandma = || PersonRef::Opaque("grandma".into());
    let first = create(1, grandma());
    assert_eq!(create(1, grandma()), first);
    assert_ne!(create(1, PersonRef::Opaque("grandpa".into())), first);
    assert_ne!(create(1, PersonRef::Principal(person(7))), first);
    assert_ne!(create(2, grandma()), first);
    let ids: Vec<_> = state
        .index
        .capsule_list(person(1))
        .into_iter()
        .map(|c| c.id)
        .collect();
    assert_eq!(ids, ["capsule-1", "capsule-2", "capsule-3"]);
    assert_eq!(state.index.capsule_list(person(2)).len(), 1);
    assert_eq!(state.index.capsule_list(person(7)), []);
}

#[test]
fn being_the_subject_gives_no_right() {
    let mut state = state();
    let subject = Some(PersonRef::Principal(person(7)));
    let capsule = state
        .index
        .capsule_create(call(1, 1), person(1), subject, None)
        .unwrap();
    let id = Some(capsule.id.as_str());
    assert_eq!(
        state.index.capsule_read(person(7), id),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        state.index.capsule_read(person(7), None),
        Err(Error::NotFound)
    );
    assert_eq!(
        state.index.capsule_usage(person(7), &capsule.id),
        Err(Error::Unauthorized)
    );
    let refused = state
        .index
        .memory_commit(call(1, 1), commit(person(7), &capsule.id, 1, 10));
    assert_eq!(refused, Err(Error::Unauthorized));
    assert!(state.index.capsule_read(person(1), id).is_ok());
}

#[test]
fn a_capsule_controller_reads_and_writes() {
    let mut state = state();
    let capsule = state
        .index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    let add = state
        .index
        .capsule_add_controller(call(1, 2), person(1), &capsule.id, person(2));
    let (controller, granted) = add.unwrap().controllers.pop().unwrap();
    assert_eq!(controller, PersonRef::Principal(person(2)));
    assert_eq!(granted.granted_at, 2);
    assert_eq!(granted.granted_by, PersonRef::Principal(person(1)));
    let made = state
        .index
        .memory_commit(call(1, 3), commit(person(2), &capsule.id, 1, 10));
    let made = made.unwrap();
    assert_eq!(
        state
            .index
            .memory_read(person(1), &made.id)
            .unwrap()
            .uploaded_by,
        person(2)
    );
    let info = state
        .index
        .capsule_read(person(2), Some(&capsule.id))
        .unwrap();
    assert!(info.is_controller && !info.is_owner && !info.is_self_capsule);
}

#[test]
fn unknown_and_foreign_capsules_get_different_errors() {
    let mut state = state();
    state
        .index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    let read = |who, id| state.index.capsule_read(person(who), Some(id)).map(|_| ());
    assert_eq!(read(2, "capsule-1"), Err(Error::Unauthorized));
    assert_eq!(read(2, "capsule-2"), Err(Error::NotFound));
    assert_eq!(read(1, "photo"), Err(Error::NotFound));
    assert!(is_invalid(&read(1, &"c".repeat(MAX_ID_BYTES + 1))));
    assert_eq!(
        state.index.capsule_usage(person(1), "capsule-1"),
        Ok(CapsuleUsage {
            stored_bytes: 0,
            memory_count: 0
        })
    );
}

#[test]
fn subjects_and_capsules_have_limits() {
    let mut state = state();
    for bad in [String::new(), "x".repeat(MAX_ID_BYTES + 1)] {
        let subject = Some(PersonRef::Opaque(bad));
        assert!(is_invalid(&state.index.capsule_create(
            call(1, 1),
            person(1),
            subject,
            None
        )));
    }
    let subject = |n: usize| Some(PersonRef::Opaque(format!("subject {n}")));
    for n in 0..MAX_OWNED {
        state
            .index
            .capsule_create(call(1, 1), person(1), subject(n), None)
            .unwrap();
    }
    let over = state
        .index
        .capsule_create(call(1, 1), person(1), None, None);
    assert_eq!(over, Err(Error::ResourceExhausted));
    // Capsules that exist are still found.
    assert!(
        state
            .index
            .capsule_create(call(1, 1), person(1), subject(3), None)
            .is_ok()
    );
    assert!(
        state
            .index
            .capsule_create(call(1, 1), person(2), None, None)
            .is_ok()
    );
}

#[test]
fn owners_name_capsule_controllers_who_may_leave() {
    let mut state = state();
    let index = &mut state.index;
    index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    let listed = |capsule: &capsule_shared::capsule::Capsule| capsule.controllers.len();
    let id = "capsule-1";
    let add = |index: &mut crate::index::Index<_>, who, controller| {
        index.capsule_add_controller(call(1, 5), person(who), id, person(controller))
    };
    let remove = |index: &mut crate::index::Index<_>, who, controller| {
        index.capsule_remove_controller(call(1, 6), person(who), id, person(controller))
    };
    let once = add(index, 1, 2).unwrap();
    // Repeating it later changes nothing.
    assert_eq!(add(index, 1, 2), Ok(once));
    assert_eq!(listed(&add(index, 1, 3).unwrap()), 2);
    assert!(is_invalid(&add(index, 1, 1)));
    // Only owners add, and only owners remove others.
    assert_eq!(add(index, 2, 4), Err(Error::Unauthorized));
    assert_eq!(add(index, 9, 9), Err(Error::Unauthorized));
    assert_eq!(remove(index, 2, 3), Err(Error::Unauthorized));
    assert_eq!(remove(index, 9, 3), Err(Error::Unauthorized));
    assert_eq!(remove(index, 9, 9), Err(Error::Unauthorized));
    let nowhere = index.capsule_add_controller(call(1, 5), person(1), "capsule-2", person(2));
    assert_eq!(nowhere, Err(Error::NotFound));
    assert_eq!(index.capsule_list(person(2)).len(), 1);

    assert_eq!(listed(&remove(index, 1, 2).unwrap()), 1);
    assert_eq!(listed(&remove(index, 1, 2).unwrap()), 1);
    assert_eq!(index.capsule_list(person(2)), []);
    let read = index.capsule_read(person(2), Some(id));
    assert_eq!(read, Err(Error::Unauthorized));
    assert_eq!(listed(&remove(index, 3, 3).unwrap()), 0);
    assert_eq!(remove(index, 3, 3), Err(Error::Unauthorized));
    // The owner keeps the right, whatever is removed.
    remove(index, 1, 1).unwrap();
    assert!(index.capsule_read(person(1), Some(id)).unwrap().is_owner);
}

#[test]
fn a_capsule_has_at_most_100_controllers() {
    let mut state = state();
    let index = &mut state.index;
    let other = |n: usize| Principal::from_slice(&(n as u64).to_le_bytes());
    index
        .capsule_create(call(1, 1), person(1), None, None)
        .unwrap();
    for n in 0..MAX_CONTROLLERS {
        index
            .capsule_add_controller(call(1, 1), person(1), "capsule-1", other(n))
            .unwrap();
    }
    let over = index.capsule_add_controller(call(1, 1), person(1), "capsule-1", person(2));
    assert_eq!(over, Err(Error::ResourceExhausted));
    // Adding a controller again needs no room.
    index
        .capsule_add_controller(call(1, 1), person(1), "capsule-1", other(0))
        .unwrap();
}
