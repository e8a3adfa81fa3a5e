//! No rule costs more because many sessions exist: the tests count the stable memory that it reads.

use super::{LIMITS, begin_as, spec};
use crate::regions::Regions;
use crate::session::begin::Begin;
use crate::session::chunks::ChunkAdmission;
use crate::session::service::SessionService;
use crate::session::standing::Standing;
use crate::session::types::{Limits, SessionId, SessionSpec};
use candid::Principal;
use canister_common::counted::Counted;
use ic_stable_structures::memory_manager::VirtualMemory;

/// Many sessions, each with its own owner and scope, begun one nanosecond after the other.
struct Many {
    count: u64,
    memory: Counted,
    sessions: SessionService<VirtualMemory<Counted>>,
}

fn owner(n: u64) -> Principal {
    Principal::from_slice(&n.to_be_bytes())
}

fn spec_of(n: u64) -> SessionSpec {
    SessionSpec {
        owner: owner(n),
        ..spec(1, &format!("capsule {n:05}"), "key", 2, 200)
    }
}

impl Many {
    fn new(count: u64) -> Self {
        let memory = Counted::default();
        let limits = Limits {
            active_total: u32::MAX,
            ..LIMITS
        };
        let mut sessions = SessionService::new(Regions::open(memory.clone()).sessions, limits);
        for n in 0..count {
            begin_as(&mut sessions, Standing::New, spec_of(n), n).unwrap();
        }
        Many {
            count,
            memory,
            sessions,
        }
    }

    /// Bytes of stable memory that `act` reads.
    fn read_by<T>(
        &mut self,
        act: impl FnOnce(&mut SessionService<VirtualMemory<Counted>>, u64) -> T,
    ) -> (u64, T) {
        let before = self.memory.bytes_read();
        let done = act(&mut self.sessions, self.count);
        (self.memory.bytes_read() - before, done)
    }
}

#[test]
fn rules_read_as_much_with_ten_thousand_sessions_as_with_ten() {
    let [few, many] = [10, 10_000].map(|count| {
        let mut world = Many::new(count);
        let (counting, counters) = world.read_by(|s, _| s.counters());
        assert_eq!(counters.pending, count);
        let (finding, found) = world.read_by(|s, n| {
            let found = s.reserve_begin(spec_of(n / 2), Standing::New, n).unwrap();
            matches!(found, Begin::Existing(_))
        });
        assert!(found);
        let (beginning, _) =
            world.read_by(|s, n| begin_as(s, Standing::New, spec_of(n + 1), n).unwrap());
        let (going_on, _) = world.read_by(|s, n| {
            let chunk = s.reserve_chunk(SessionId(n / 2), owner(n / 2 - 1), 0, 100, n);
            let Ok(ChunkAdmission::New(chunk)) = chunk else {
                panic!("the chunk is refused")
            };
            s.confirm_chunk(chunk, n).unwrap()
        });
        let (listing, listed) = world.read_by(|s, n| s.newest(owner(n / 2), 1_000).count());
        assert_eq!(listed, 1);
        let (waking, wake) = world.read_by(|s, _| s.next_tick());
        assert_eq!(wake, Some(LIMITS.ttl + 1));
        let (nothing, ticked) = world.read_by(|s, _| s.tick_ttl(LIMITS.ttl, 200));
        assert!(ticked.expired.is_empty());
        let (expiring, ticked) = world.read_by(|s, _| s.tick_ttl(LIMITS.ttl + 3, 200));
        assert_eq!(ticked.expired.len(), 3);
        let (making_room, ended) = world.read_by(|s, n| {
            let limits = Limits {
                active_total: n as u32 - 2,
                ..LIMITS
            };
            s.set_limits(limits);
            let now = n + LIMITS.idle + 1;
            let begin = s.reserve_begin(spec_of(n + 2), Standing::Known, now);
            let Ok(Begin::Reserved(begin)) = begin else {
                panic!("there is no room")
            };
            s.make_room(&begin, now).len()
        });
        assert_eq!(ended, 1);
        [
            ("counting", counting),
            ("finding a key", finding),
            ("beginning", beginning),
            ("making room", making_room),
            ("confirming a chunk", going_on),
            ("listing one's own", listing),
            ("when the next expires", waking),
            ("expiring none", nothing),
            ("expiring three", expiring),
        ]
    });
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        // A look-up passes the levels of a B-tree: four more for a thousand times the entries.
        // A scan would read a thousand times as much.
        assert!(
            many <= 8 * few + 512,
            "{what}: {few} bytes with 10, {many} with 10,000"
        );
    }
}
