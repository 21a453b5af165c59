//! Mistakes that are planted on purpose, to show that the simulation finds them.
//!
//! None of them is in the code under test. A mistake of storage is made by a journal in front
//! of the real one; a mistake of the machine, by giving it a routine that differs from the one
//! the naive interpreter reads; a mistake of a driver, by the simulation itself, which is one.

mod altered;
mod journal;

pub(super) use journal::MistakenJournal;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mutant {
    /// An append is acknowledged and not stored.
    AppendLost,
    /// The last record of an append is not stored.
    AppendCutOff,
    /// A flush is acknowledged and not done.
    FlushSkipped,
    /// A past owner may still write.
    OwnersUnfenced,
    /// Reading skips a record.
    RecordSkipped,
    /// Reading gives one record twice.
    RecordTwice,
    /// Reading gives two records in the wrong order.
    RecordsSwapped,
    /// A value comes back changed.
    ValueChanged,
    /// A snapshot says that it takes account of a record more than it does.
    SnapshotAhead,
    /// A call is begun before its intent is durable.
    EffectBeforeIntent,
    /// After a fall nobody is asked about unsafe calls.
    DoubtsForgotten,
    /// The answer of a call is dropped, and the call made again.
    AnswerDropped,
    /// Time is noticed a little late.
    ClockLate,
    /// A failed task is tried once too often.
    RetryOnceMore,
    /// Every problem is caught, whatever was asked for.
    EverythingCaught,
    /// Time limits are not kept.
    LimitsIgnored,
    /// The condition of a task is not looked at.
    ConditionIgnored,
    /// The condition of a loop is not looked at.
    WhileIgnored,
    /// A race is not decided by the first branch.
    RaceIgnored,
    /// A task leads to the next one, wherever it should.
    JumpIgnored,
    /// The context is not written to.
    ExportForgotten,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::AppendLost,
        Self::AppendCutOff,
        Self::FlushSkipped,
        Self::OwnersUnfenced,
        Self::RecordSkipped,
        Self::RecordTwice,
        Self::RecordsSwapped,
        Self::ValueChanged,
        Self::SnapshotAhead,
        Self::EffectBeforeIntent,
        Self::DoubtsForgotten,
        Self::AnswerDropped,
        Self::ClockLate,
        Self::RetryOnceMore,
        Self::EverythingCaught,
        Self::LimitsIgnored,
        Self::ConditionIgnored,
        Self::WhileIgnored,
        Self::RaceIgnored,
        Self::JumpIgnored,
        Self::ExportForgotten,
    ];
}
