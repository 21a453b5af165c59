//! Performs one effect, as often as the machinery needs; whatever panics is contained.

use std::sync::Arc;

use super::core::{Core, Stage};
use super::events::event_of;
use crate::{Effect, EffectClass, EffectId, EffectRequest, Outcome};

/// How often the machinery may fail before a run counts as stuck.
pub(super) const TRIES_MAX: u32 = 6;

/// The pause before the second try, in milliseconds; it doubles each time.
const PAUSE_MS: u64 = 100;

/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 10_000;

/// How performing an effect ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Something came back.
    Outcome(Box<Outcome>),
    /// The machinery failed.
    Failed(String),
    /// The engine stops, and the effect was not begun.
    NotBegun,
}

/// Performs an effect, after a pause when it is not the first try.
///
/// # Cancel safety
///
/// Dropping the future drops the executor's.
pub(super) async fn perform(core: Arc<Core>, effect: Effect, tries: u32) -> (EffectId, Ended) {
    let id = effect.id;
    let mut stage = core.stage.subscribe();
    let begin = async {
        if tries > 0 {
            let pause = (PAUSE_MS << (tries - 1).min(16)).min(PAUSE_MS_MAX);
            core.clock
                .sleep_until(core.clock.now().plus_millis(pause))
                .await;
        }
        match waits_for_others(&effect) {
            true => None,
            false => Arc::clone(&core.effects).acquire_owned().await.ok(),
        }
    };
    let permit = tokio::select! {
        biased;
        _ = stage.wait_for(|stage| *stage > Stage::Running) => return (id, Ended::NotBegun),
        permit = begin => permit,
    };
    let result = match event_of(&effect) {
        Some(event) => core.emit(event).await,
        None => core.executor.perform(&effect).await,
    };
    drop(permit);
    match result {
        Ok(outcome) => (id, Ended::Outcome(Box::new(outcome))),
        Err(error) => (id, Ended::Failed(error.message)),
    }
}

/// Says whether an effect is mostly waiting for other work, for instance an agent for the
/// routines that it calls. If it counted, enough of them could keep all others from starting
/// the very work that they wait for.
fn waits_for_others(effect: &Effect) -> bool {
    match &effect.request {
        EffectRequest::Call(call) => call.class == EffectClass::Resumable,
        EffectRequest::Run { .. } | EffectRequest::Timer { .. } | EffectRequest::Approval(_) => {
            true
        }
    }
}

/// Says whether an effect that may have happened can simply be performed again, under the
/// same id and the same idempotency key.
pub(super) fn is_repeatable(class: EffectClass) -> bool {
    match class {
        EffectClass::Pure
        | EffectClass::Read
        | EffectClass::Idempotent
        | EffectClass::Verifiable
        | EffectClass::Resumable => true,
        EffectClass::Compensable | EffectClass::Unsafe => false,
    }
}
