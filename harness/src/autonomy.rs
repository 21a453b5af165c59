//! How far an agent may act without a person: one table, effect class by level.

use serde::{Deserialize, Serialize};

use crate::{EffectClass, Reach};

/// How far an agent may act without a person. Each level allows what the one before allows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Autonomy {
    /// It looks. Whatever changes something is denied.
    Observe,
    /// It looks and proposes: a person is asked before each change.
    #[default]
    Suggest,
    /// It changes files of its workspace alone, where the change can be looked up or undone.
    Edit,
    /// It also does alone what can be undone anywhere.
    Reversible,
    /// It does everything alone but unsafe calls, for which a person is asked.
    Approve,
    /// It does everything alone.
    Full,
}

/// What a level says about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may happen.
    Allow,
    /// A person decides.
    Ask,
    /// It may not happen.
    Deny,
}

impl Autonomy {
    /// All levels, the most cautious first.
    pub const ALL: [Self; 6] = [
        Self::Observe,
        Self::Suggest,
        Self::Edit,
        Self::Reversible,
        Self::Approve,
        Self::Full,
    ];

    /// Looks a call up in the table.
    pub fn permission(self, class: EffectClass, reach: Reach) -> Permission {
        if class.only_looks() || self == Self::Full {
            return Permission::Allow;
        }
        if self == Self::Observe {
            return Permission::Deny;
        }
        if self >= level_needed(class, reach) {
            Permission::Allow
        } else {
            Permission::Ask
        }
    }

    /// Returns the word that settings and records use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Edit => "edit",
            Self::Reversible => "reversible",
            Self::Approve => "approve",
            Self::Full => "full",
        }
    }
}

/// Returns the lowest level that does such a call alone.
fn level_needed(class: EffectClass, reach: Reach) -> Autonomy {
    match (class, reach) {
        (EffectClass::Pure | EffectClass::Read, _) => Autonomy::Observe,
        (
            EffectClass::Idempotent | EffectClass::Verifiable | EffectClass::Compensable,
            Reach::Workspace,
        ) => Autonomy::Edit,
        (EffectClass::Compensable, Reach::World) => Autonomy::Reversible,
        (EffectClass::Idempotent | EffectClass::Verifiable, Reach::World)
        | (EffectClass::Resumable, _) => Autonomy::Approve,
        (EffectClass::Unsafe, _) => Autonomy::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a row of the table: A allow, ? ask, - deny, one letter for each level.
    fn check(class: EffectClass, reach: Reach, row: &str) {
        let letters = Autonomy::ALL.map(|level| match level.permission(class, reach) {
            Permission::Allow => 'A',
            Permission::Ask => '?',
            Permission::Deny => '-',
        });
        assert_eq!(String::from_iter(letters), row, "{class:?} {reach:?}");
    }

    #[test]
    fn table() {
        use EffectClass::*;
        for reach in [Reach::Workspace, Reach::World] {
            check(Pure, reach, "AAAAAA");
            check(Read, reach, "AAAAAA");
            check(Resumable, reach, "-???AA");
            check(Unsafe, reach, "-????A");
        }
        check(Idempotent, Reach::Workspace, "-?AAAA");
        check(Verifiable, Reach::Workspace, "-?AAAA");
        check(Compensable, Reach::Workspace, "-?AAAA");
        check(Idempotent, Reach::World, "-???AA");
        check(Verifiable, Reach::World, "-???AA");
        check(Compensable, Reach::World, "-??AAA");
    }
}
