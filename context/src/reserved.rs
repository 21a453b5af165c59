//! Predicates of this crate: what it says about entities in the same form in which callers
//! speak, so that names, merges and advice have the same two axes of time as every fact.

use crate::key::PredicateId;

/// The prefix that callers' predicates must not have.
pub(crate) const PREFIX: &str = "layercake:";

/// Another name of the subject.
pub(crate) const ALIAS: PredicateId = PredicateId(1);
/// The object is the same entity as the subject.
pub(crate) const SAME_AS: PredicateId = PredicateId(2);
/// What is recommended about the subject.
pub(crate) const RECOMMENDATION: PredicateId = PredicateId(3);
/// How a recommendation about the subject turned out.
pub(crate) const OUTCOME: PredicateId = PredicateId(4);

const NAMES: [(PredicateId, &str); 4] = [
    (ALIAS, "layercake:alias"),
    (SAME_AS, "layercake:same-as"),
    (RECOMMENDATION, "layercake:recommendation"),
    (OUTCOME, "layercake:outcome"),
];

/// Returns the name of a predicate of this crate.
pub(crate) fn name(id: PredicateId) -> Option<&'static str> {
    let mut names = NAMES.iter();
    names.find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// Returns the number of a predicate of this crate.
pub(crate) fn id(name: &str) -> Option<PredicateId> {
    let mut names = NAMES.iter();
    names.find(|(_, known)| *known == name).map(|(id, _)| *id)
}
