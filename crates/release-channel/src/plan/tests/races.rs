//! What comes of plans: broken off anywhere, and several runs at a time.

use super::store::{Store, ours, store};
use crate::local::Ours;
use crate::plan::Step;

/// After each step of a publish, broken off there: the next run of the same build, and that of a newer one.
#[test]
fn wherever_it_is_broken_off_the_next_run_repairs_it() {
    let ours = ours(4);
    for again in [4, 5] {
        for allowed in 0..9 {
            let mut store = store();
            let mut done = 0;
            'broken: loop {
                let plan = store.plan(&ours);
                assert!(
                    !plan.steps.is_empty() || allowed == 8,
                    "{allowed} steps are all"
                );
                if plan.steps.is_empty() {
                    break;
                }
                for step in plan.steps {
                    if done == allowed {
                        break 'broken;
                    }
                    store.apply(&step, &ours).unwrap();
                    store.require_served();
                    done += 1;
                }
            }
            store.publish(again);
            store.require_published(again);
        }
    }
}

/// A small generator of numbers, the same ones every time (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One of several runs at once: it looks, and then applies what it has planned, however stale that is by
/// then.
struct Run {
    ours: Ours,
    steps: std::collections::VecDeque<Step>,
    ended: bool,
}

impl Run {
    fn new(number: u64) -> Self {
        Self {
            ours: ours(number),
            steps: [].into(),
            ended: false,
        }
    }

    fn advance(&mut self, store: &mut Store) {
        match self.steps.pop_front() {
            None => {
                self.steps = store.plan(&self.ours).steps.into();
                self.ended = self.steps.is_empty();
            }
            Some(step) => {
                if store.apply(&step, &self.ours).is_err() {
                    self.steps.clear();
                }
            }
        }
    }
}

#[test]
fn runs_beside_each_other_end_with_the_newest_in_any_order() {
    let mut numbers = Numbers(1);
    for schedule in 0..1000 {
        let mut store = store();
        let mut runs = [Run::new(4), Run::new(5), Run::new(6)];
        let count: usize = 2 + schedule % 2;
        let newest = 3 + u64::try_from(count).unwrap();
        for moves in 0.. {
            assert!(moves < 400, "schedule {schedule} does not end");
            let chosen = usize::try_from(numbers.below(newest - 3)).unwrap();
            if !runs[chosen].ended {
                runs[chosen].advance(&mut store);
                store.require_served();
            }
            if runs[..count].iter().all(|run| run.ended) {
                break;
            }
        }
        store.require_published(newest);
    }
}

/// As two machines of the same speed: no round of one falls between two rounds of the other.
#[test]
fn runs_in_lockstep_come_to_rest() {
    for stride in 1..12 {
        for offset in 0..12 {
            let mut store = store();
            let mut runs = [Run::new(4), Run::new(5)];
            for _ in 0..offset {
                runs[1].advance(&mut store);
            }
            for moves in 0.. {
                assert!(
                    moves < 60,
                    "stride {stride}, offset {offset}: it does not end"
                );
                let run = &mut runs[moves / stride % 2];
                if !run.ended {
                    run.advance(&mut store);
                    store.require_served();
                }
                if runs.iter().all(|run| run.ended) {
                    break;
                }
            }
            store.require_published(5);
        }
    }
}

#[test]
fn what_dies_beside_another_run_does_no_harm() {
    let mut numbers = Numbers(2);
    for schedule in 0..1000 {
        let mut store = store();
        let mut runs = [Run::new(4), Run::new(5)];
        let (dies, after) = (numbers.below(2), numbers.below(14));
        let mut moves = [0, 0];
        while !runs.iter().all(|run| run.ended) {
            assert!(
                moves[0] + moves[1] < 400,
                "schedule {schedule} does not end"
            );
            let chosen = numbers.below(2);
            let index = usize::try_from(chosen).unwrap();
            moves[index] += 1;
            if chosen == dies && moves[index] > after {
                runs[index].ended = true;
            }
            if !runs[index].ended {
                runs[index].advance(&mut store);
                store.require_served();
            }
        }
        store.publish(6);
        store.require_published(6);
    }
}
