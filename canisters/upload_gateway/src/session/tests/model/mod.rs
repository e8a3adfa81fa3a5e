//! The session layer against a simple model: random operations, with restarts among them.

mod invariants;
mod op;
mod world;

use op::op;
use proptest::prelude::*;
use world::World;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sessions_follow_the_model(
        window in prop::sample::select(vec![0, 2, 8]),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut world = World::new(window);
        for op in ops {
            world.run(op);
            world.check();
        }
    }
}
