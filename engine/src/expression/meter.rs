//! Bounds on the work of one evaluation.
//!
//! jaq evaluates whatever it is given: it counts nothing and can be left only from inside. So
//! every evaluated term and every operation on values takes from a meter, and when the meter is
//! empty, the stack is unwound up to [`guarded`], which turns that into an error. Unwinding is the
//! one way out that no `try` of an expression can catch. It needs `panic = "unwind"`, Rust's
//! default.
//!
//! The count of steps depends on nothing but the expression and its values, so a replay fails
//! where the first run failed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Steps that every evaluation may take, some 100 ms of work.
pub(super) const STEPS_BASE: u64 = 400_000;

/// More steps for each node of the values that come in: work in proportion to its data is fine.
pub(super) const STEPS_PER_NODE: u64 = 16;

/// Bytes of text that count as one step when they are copied or compared.
const BYTES_PER_STEP: usize = 64;

/// Bytes of text that count as one step when they are escaped or encoded.
const WRITTEN_BYTES_PER_STEP: usize = 8;

/// Array items that count as one step when they are copied.
const ITEMS_PER_STEP: usize = 8;

/// Why an evaluation was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The steps are used up.
    TooLong,
    /// The calls are nested too deeply.
    TooDeep,
    /// A value is too large; says in which way.
    TooLarge(&'static str),
    /// The evaluator itself failed.
    Broken,
}

thread_local! {
    /// Steps left to this thread's evaluation. Only [`guarded`] refills it.
    static STEPS: Cell<u64> = const { Cell::new(u64::MAX) };
    /// The lowest address that this thread's evaluation may use on the stack.
    static FLOOR: Cell<usize> = const { Cell::new(0) };
}

/// Runs work with this many steps and this much stack below the caller.
pub(super) fn guarded<T>(
    steps: u64,
    stack_bytes: usize,
    work: impl FnOnce() -> T,
) -> Result<T, Stop> {
    STEPS.set(steps);
    FLOOR.set(address().saturating_sub(stack_bytes));
    let result = catch_unwind(AssertUnwindSafe(work));
    STEPS.set(u64::MAX);
    FLOOR.set(0);
    result.map_err(|payload| payload.downcast_ref().copied().unwrap_or(Stop::Broken))
}

/// Takes one step, and looks at the stack.
pub(super) fn step() {
    charge(1);
    if address() < FLOOR.get() {
        leave(Stop::TooDeep);
    }
}

/// Takes steps.
pub(super) fn charge(steps: u64) {
    match STEPS.get().checked_sub(steps) {
        Some(left) => STEPS.set(left),
        None => {
            STEPS.set(0);
            leave(Stop::TooLong);
        }
    }
}

/// Takes steps for text that is copied or compared.
pub(super) fn charge_text(bytes: usize) {
    charge(1 + (bytes / BYTES_PER_STEP) as u64);
}

/// Takes steps for text that is written out character by character.
pub(super) fn charge_writing(bytes: usize) {
    charge(1 + (bytes / WRITTEN_BYTES_PER_STEP) as u64);
}

/// Takes steps for items that are copied.
pub(super) fn charge_items(items: usize) {
    charge(1 + (items / ITEMS_PER_STEP) as u64);
}

/// Leaves the evaluation.
pub(super) fn leave(stop: Stop) -> ! {
    resume_unwind(Box::new(stop))
}

/// Returns about where the stack is. It grows downwards on every platform that Rust supports
/// fully.
#[inline(never)]
fn address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}
