//! Two calls delete the same memory for good at once: its blob goes with it, and `Ok` means that.

use super::trash::{MEMORY, is_whole};
use super::trash_races::{Deleting, ENDS, Ending, OTHER, carry_on, deleting, end};
use super::world::*;
use crate::failure::Failure;
use capsule_shared::Error;

/// A gateway without a trash, and a committed upload.
fn committed() -> (World, Service) {
    let (world, service) = World::new();
    finish(&service, uploaded(&service), FILE).unwrap();
    world.net().writers.insert(id(OTHER));
    world.net().calls.clear();
    (world, service)
}

/// The owner asks twice. The second call begins while the answer of the first one waits.
fn twice(faults: [Fault; 2]) -> (World, Service, [Deleting; 2]) {
    let (world, service) = committed();
    for fault in faults {
        world.fail("memory_delete", fault);
    }
    let first = deleting(&world, &service, OWNER, "memory_delete");
    let second = deleting(&world, &service, OWNER, "memory_delete");
    (world, service, [first, second])
}

fn refused() -> Fault {
    Fault::Refused(Error::Unauthorized)
}

/// Lets the timer do all that is left, but forget the deletion.
fn settle(world: &World, service: &Service) {
    world.pass(service, 700);
    world.pass(service, 700);
}

fn all_gone(world: &World, service: &Service) {
    assert!(world.net().memories.is_empty());
    assert!(world.net().blobs.is_empty());
    world.pass(service, 25 * 3_600);
    no_job(service);
}

fn no_job(service: &Service) {
    let queue = service.cleanup_expired();
    assert!(queue.ends_with("Queued jobs: 0"), "{queue}");
}

#[test]
fn a_failed_call_is_no_deletion_although_its_note_is_gone() {
    for ending in [Ending::InOrder, Ending::Reversed] {
        let (world, service, calls) = twice([refused(), Fault::Rejected]);
        let (service, told) = end(&world, service, calls, ending);
        let [first, second] = told.unwrap();
        assert_eq!(first, Err(Failure::NotFound));
        assert!(second.unwrap_err().is_temporary());
        settle(&world, &service);
        assert!(is_whole(&world), "{ending:?}");
        no_job(&service);
    }
}

#[test]
fn a_deletion_takes_the_blob_along_although_its_note_is_gone() {
    for ending in ENDS {
        let (world, service) = committed();
        world.fail("memory_delete", refused());
        let first = deleting(&world, &service, OWNER, "memory_delete");
        let second = deleting(&world, &service, OWNER, "memory_delete");
        let (service, told) = end(&world, service, [first, second], ending);
        if let Some([first, second]) = told {
            // A deletion that is done counts for both.
            let expected = match ending {
                Ending::InOrder => Err(Failure::NotFound),
                _ => Ok(()),
            };
            assert_eq!(first, expected);
            assert_eq!(second, Ok(()));
        }
        settle(&world, &service);
        all_gone(&world, &service);
    }
}

#[test]
fn a_lost_answer_and_a_refusal_leave_no_blob() {
    for faults in [[refused(), Fault::LostReply], [Fault::LostReply, refused()]] {
        for ending in ENDS {
            let (world, service, calls) = twice(faults.clone());
            assert!(world.net().memories.is_empty());
            let (service, told) = end(&world, service, calls, ending);
            assert!(told.into_iter().flatten().all(|told| told.is_err()));
            settle(&world, &service);
            all_gone(&world, &service);
        }
    }
}

#[test]
fn two_callers_delete_it_whichever_answer_is_lost() {
    for fault in [Fault::LostReply, Fault::Rejected] {
        for ending in ENDS {
            let (world, service) = committed();
            let mut second = deleting(&world, &service, OTHER, "memory_find");
            world.fail("memory_delete", fault.clone());
            let first = deleting(&world, &service, OWNER, "memory_delete");
            carry_on(&world, &mut second, "memory_delete");
            let (service, told) = end(&world, service, [first, second], ending);
            if let Some([first, second]) = told {
                assert_eq!(second, Ok(()));
                // It is done, if the other answer came first.
                let done = ending == Ending::Reversed;
                assert_eq!(first.is_ok(), done, "{ending:?}");
            }
            settle(&world, &service);
            all_gone(&world, &service);
            let again = run(service.delete_memory(id(OWNER), MEMORY.into()));
            assert_eq!(again, Err(Failure::NotFound));
        }
    }
}
