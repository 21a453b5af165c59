//! Recall: what is worth knowing for a question. Ranked by words, filtered by time and trust,
//! packed into a budget; every item says why it is there, and the answer says what is not.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use crate::assertion::{Assertion, Trust};
use crate::key::{self, HashDomain};
use crate::reading::Reading;
use crate::store::Order;
use crate::text::{Posting, Totals, WordWeight, words};
use crate::view::{Evidence, evidence};
use crate::{ContextError, ItemId, Moment, Snapshot};

/// Words of a question that count; the rest of a long question adds little.
const QUESTION_WORDS_MAX: usize = 32;
/// Items that one answer holds when nothing else is asked.
const LIMIT: usize = 10;
/// The most items that one answer can hold.
const LIMIT_MAX: usize = 100;
/// Tokens that one answer takes when nothing else is asked.
const TOKENS: usize = 2_000;
/// Ranked items that are looked at to fill an answer; what is filtered out counts as well.
const CANDIDATES_MAX: usize = 2_000;
/// Bytes of text that are counted as one token: less than the average of known tokenizers for
/// English, so that the estimate is rather too high.
const BYTES_PER_TOKEN: usize = 3;

/// A question to the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    text: String,
    at: Option<Moment>,
    predicates: Vec<String>,
    trust_min: Trust,
    limit: usize,
    tokens: usize,
}

impl Recall {
    /// Asks for what answers a text: at most 10 items and 2,000 tokens.
    pub fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            at: None,
            predicates: Vec::new(),
            trust_min: Trust::Disputed,
            limit: LIMIT,
            tokens: TOKENS,
        }
    }

    /// Wants what holds at a moment; usually now.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.at = Some(moment);
        self
    }

    /// Wants this predicate, and others that are named the same way, instead of all.
    #[must_use]
    pub fn predicate(mut self, predicate: impl Into<String>) -> Self {
        self.predicates.push(predicate.into());
        self
    }

    /// Wants at least this trust.
    #[must_use]
    pub fn trust_min(mut self, trust: Trust) -> Self {
        self.trust_min = trust;
        self
    }

    /// Wants at most so many items, never more than 100.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(LIMIT_MAX);
        self
    }

    /// Wants at most so many tokens in all, by the estimate of [`Recalled::tokens`].
    #[must_use]
    pub fn tokens_max(mut self, tokens: usize) -> Self {
        self.tokens = tokens;
        self
    }
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Recollection {
    /// The snapshot that was read; with it the same question has the same answer.
    pub snapshot: Snapshot,
    /// What was found, the best first.
    pub items: Vec<Recalled>,
    /// The estimated tokens of all items together.
    pub tokens: usize,
    /// What was found and left out.
    pub left_out: LeftOut,
}

impl Recollection {
    pub(crate) fn nothing(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            items: Vec::new(),
            tokens: 0,
            left_out: LeftOut::default(),
        }
    }
}

/// One item of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalled {
    /// The item.
    pub item: RecalledItem,
    /// How well it fits; only the order means something.
    pub score: f64,
    /// Its text in tokens, estimated as one for every three bytes.
    pub tokens: usize,
    /// Why it is here.
    pub why: Vec<Why>,
}

/// What can be recalled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer holds at most 100")]
pub enum RecalledItem {
    /// Somebody's assertion.
    Assertion(Assertion),
    /// Evidence as it was seen.
    Evidence(Evidence),
}

impl RecalledItem {
    /// Returns the id of the item.
    pub fn id(&self) -> ItemId {
        match self {
            Self::Assertion(assertion) => assertion.id,
            Self::Evidence(evidence) => evidence.id,
        }
    }
}

impl fmt::Display for RecalledItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assertion(assertion) => assertion.fmt(f),
            Self::Evidence(evidence) => {
                write!(f, "{} · seen · {}", evidence.about.name, evidence.content)
            }
        }
    }
}

/// Why an item was returned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// It holds these words of the question.
    Words(Vec<String>),
}

/// How many items fit the question and were left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// They do not hold at the moment.
    pub not_valid: usize,
    /// They are not trusted enough.
    pub not_trusted: usize,
    /// They have another predicate.
    pub other_predicate: usize,
    /// They did not fit into limit or budget.
    pub over_budget: usize,
}

pub(super) fn recall(reading: &Reading<'_>, recall: &Recall) -> Result<Recollection, ContextError> {
    let mut answer = Recollection::nothing(reading.snapshot);
    let ranked = rank(reading, &recall.text)?;
    let found = ranked.len();
    for (looked_at, candidate) in ranked.into_iter().enumerate() {
        if answer.items.len() == recall.limit {
            answer.left_out.over_budget += found - looked_at;
            break;
        }
        let Some(item) = admit(reading, recall, &candidate, &mut answer.left_out)? else {
            continue;
        };
        let tokens = item.to_string().len().div_ceil(BYTES_PER_TOKEN);
        if answer.tokens + tokens > recall.tokens {
            answer.left_out.over_budget += 1;
            continue;
        }
        answer.tokens += tokens;
        answer.items.push(Recalled {
            item,
            score: candidate.score,
            tokens,
            why: vec![Why::Words(candidate.words)],
        });
    }
    Ok(answer)
}

/// An item that holds words of the question.
struct Candidate {
    item: ItemId,
    score: f64,
    words: Vec<String>,
}

/// Returns the best candidates: by score, and of equal ones the newest first.
fn rank(reading: &Reading<'_>, text: &str) -> Result<Vec<Candidate>, ContextError> {
    let totals = totals(reading)?;
    let mut scores = BTreeMap::<ItemId, (f64, u32)>::new();
    let question = question_words(text);
    for (i, word) in question.iter().enumerate() {
        let list = word_list(reading, word)?;
        let weight = WordWeight::new(totals, list.len() as u64);
        for posting in list {
            let (score, mask) = scores.entry(posting.item).or_default();
            *score += weight.score(posting);
            *mask |= 1 << i;
        }
    }
    let mut ranked: Vec<_> = scores.into_iter().collect();
    ranked.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(b.0.cmp(&a.0)));
    ranked.truncate(CANDIDATES_MAX);
    let words_of = |mask: u32| {
        let held = question.iter().enumerate();
        let held = held.filter(|(i, _)| mask & (1 << i) != 0);
        held.map(|(_, word)| word.clone()).collect()
    };
    Ok(ranked
        .into_iter()
        .map(|(item, (score, mask))| Candidate {
            item,
            score,
            words: words_of(mask),
        })
        .collect())
}

/// Cuts a question into different words, in the order in which they come.
fn question_words(text: &str) -> Vec<String> {
    let mut question = Vec::new();
    for word in words(text) {
        if !question.contains(&word) {
            question.push(word);
        }
        if question.len() == QUESTION_WORDS_MAX {
            break;
        }
    }
    question
}

fn totals(reading: &Reading<'_>) -> Result<Totals, ContextError> {
    let prefix = key::word_totals_of(reading.scope);
    let end = key::word_totals(reading.scope, reading.snapshot.next());
    let mut found = None;
    reading
        .rows
        .range(&prefix, &end, Order::Descending, &mut |_, value| {
            found = Some(Totals::decode(value));
            ControlFlow::Break(())
        })?;
    found
        .unwrap_or(Some(Totals::default()))
        .ok_or_else(|| ContextError::damaged("the word totals"))
}

/// Returns the list of a word as the snapshot shows it.
fn word_list(reading: &Reading<'_>, word: &str) -> Result<Vec<Posting>, ContextError> {
    let hash = reading.hash(HashDomain::Word, word);
    let mut list = Vec::new();
    let from = key::word_list(reading.scope, hash);
    let to = key::word(reading.scope, hash, ItemId::new(reading.snapshot.next(), 0));
    let rows = reading.rows;
    rows.range(&from, &to, Order::Ascending, &mut |key, value| {
        let item = key::last_number(key).map(ItemId::from_number);
        list.extend(item.and_then(|item| Posting::decode(item, value)));
        ControlFlow::Continue(())
    })?;
    Ok(list)
}

/// Reads a candidate and checks the filters; counts why it is left out.
fn admit(
    reading: &Reading<'_>,
    recall: &Recall,
    candidate: &Candidate,
    left_out: &mut LeftOut,
) -> Result<Option<RecalledItem>, ContextError> {
    let Some(assertion) = reading.assertion(candidate.item)? else {
        let evidence = evidence(reading, candidate.item)?;
        let wanted = evidence.filter(|_| recall.predicates.is_empty());
        return Ok(wanted.map(RecalledItem::Evidence));
    };
    let asked = |predicate| recall.predicates.is_empty() || recall.predicates.contains(predicate);
    if !asked(&assertion.predicate) {
        left_out.other_predicate += 1;
    } else if recall.at.is_some_and(|at| !assertion.valid.contains(at)) {
        left_out.not_valid += 1;
    } else if assertion.trust < recall.trust_min {
        left_out.not_trusted += 1;
    } else {
        return Ok(Some(RecalledItem::Assertion(assertion)));
    }
    Ok(None)
}
