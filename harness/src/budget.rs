//! What an agent may spend, what it has spent, and what that leaves.

use layercake_model::Usage;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The share of a budget after which the agent is warned, in percent. Late enough to be rare,
/// early enough to leave a turn or two.
const WARNING_PERCENT: u64 = 85;

/// The limits of one session, counted from its beginning. Every limit is hard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// The most turns.
    pub turns_max: u32,
    /// The most tool calls.
    pub tool_calls_max: u32,
    /// The most tokens of all classes; `None` for no limit.
    pub tokens_max: Option<u64>,
    /// The most money, in US dollars; `None` for no limit.
    pub usd_max: Option<Decimal>,
    /// The most time at work, in milliseconds, pauses not counted; `None` for no limit.
    pub work_ms_max: Option<u64>,
    /// The most agents below this one, at all levels together.
    #[serde(default = "agents_standard")]
    pub agents_max: u32,
    /// The most levels of agents below this one.
    #[serde(default = "depth_standard")]
    pub depth_max: u32,
}

/// Agents below one agent, unless the caller says otherwise: more is rarely a plan.
fn agents_standard() -> u32 {
    64
}

/// Levels below one agent, unless the caller says otherwise.
fn depth_standard() -> u32 {
    3
}

impl Budget {
    /// Returns limits for a task of minutes: 50 turns, 200 tool calls, 64 agents in three levels
    /// below, and nothing else.
    pub fn standard() -> Self {
        Self {
            turns_max: 50,
            tool_calls_max: 200,
            tokens_max: None,
            usd_max: None,
            work_ms_max: None,
            agents_max: agents_standard(),
            depth_max: depth_standard(),
        }
    }
}

/// One of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetKind {
    /// Turns.
    Turns,
    /// Tool calls.
    ToolCalls,
    /// Tokens.
    Tokens,
    /// Money.
    Money,
    /// Time at work.
    Time,
}

impl BudgetKind {
    /// Returns what is counted, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::ToolCalls => "tool calls",
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::Time => "time",
        }
    }
}

/// What a session has spent so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Turns begun.
    pub turns: u32,
    /// Turns of agents below this one.
    pub turns_below: u32,
    /// Tool calls intended, with those of agents below this one.
    pub tool_calls: u32,
    /// Tokens charged, by class.
    pub usage: Usage,
    /// Money charged, in US dollars, as far as it is known.
    pub usd: Decimal,
    /// Charges whose money is unknown.
    pub unpriced: u32,
    /// Money set aside for calls whose end was lost, in US dollars; counts against the limit.
    pub lost_usd: Decimal,
    /// Milliseconds at work.
    pub work_ms: u64,
    /// Agents below this one, at all levels, as far as they have ended.
    pub agents: u32,
}

/// What is left of a budget. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BudgetLeft {
    /// Turns.
    pub turns: Option<u32>,
    /// Tool calls.
    pub tool_calls: Option<u32>,
    /// Tokens.
    pub tokens: Option<u64>,
    /// Money, in US dollars.
    pub usd: Option<Decimal>,
    /// Time at work, in milliseconds.
    pub work_ms: Option<u64>,
    /// Agents below.
    pub agents: Option<u32>,
    /// Levels of agents below.
    pub depth: Option<u32>,
}

/// What one model call may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reservation {
    /// Input tokens, estimated.
    pub(crate) input_tokens: u64,
    /// The most output tokens.
    pub(crate) output_tokens: u64,
    /// What both cost at most, in US dollars; `None` when the price is unknown.
    pub(crate) usd: Option<Decimal>,
}

impl BudgetLeft {
    /// Returns what is left for an agent below: one level and one agent less.
    pub(crate) fn below(self) -> Self {
        Self {
            agents: self.agents.map(|agents| agents.saturating_sub(1)),
            depth: self.depth.map(|depth| depth.saturating_sub(1)),
            ..self
        }
    }
}

impl Budget {
    /// Returns the first limit that forbids another model call. Used-up tool calls do not: the
    /// agent may still answer.
    pub fn exhausted(&self, spent: &Spent) -> Option<BudgetKind> {
        let tokens = spent.usage.total_tokens();
        let usd = spent.usd + spent.lost_usd;
        if spent.turns + spent.turns_below >= self.turns_max {
            Some(BudgetKind::Turns)
        } else if self.tokens_max.is_some_and(|max| tokens >= max) {
            Some(BudgetKind::Tokens)
        } else if self
            .usd_max
            .is_some_and(|max| usd > Decimal::ZERO && usd >= max)
        {
            Some(BudgetKind::Money)
        } else if self.work_ms_max.is_some_and(|max| spent.work_ms >= max) {
            Some(BudgetKind::Time)
        } else {
            None
        }
    }

    /// Returns the first limit that forbids another tool call. After the last turn there is
    /// nobody left to read a result, so its calls are not made.
    pub fn exhausted_for_tools(&self, spent: &Spent) -> Option<BudgetKind> {
        if spent.tool_calls >= self.tool_calls_max {
            Some(BudgetKind::ToolCalls)
        } else {
            self.exhausted(spent)
        }
    }

    /// Returns the first limit that is nearly used up: the last turn begins, or less than a
    /// sixth of something else is left.
    pub fn nearly_exhausted(&self, spent: &Spent) -> Option<BudgetKind> {
        let near =
            |used: u64, max: u64| used.saturating_mul(100) >= max.saturating_mul(WARNING_PERCENT);
        let tokens = spent.usage.total_tokens();
        let usd = (spent.usd + spent.lost_usd) * Decimal::ONE_HUNDRED;
        if self.turns_max > 1 && spent.turns + spent.turns_below + 1 >= self.turns_max {
            Some(BudgetKind::Turns)
        } else if spent.tool_calls > 0
            && near(u64::from(spent.tool_calls), u64::from(self.tool_calls_max))
        {
            Some(BudgetKind::ToolCalls)
        } else if self.tokens_max.is_some_and(|max| near(tokens, max)) {
            Some(BudgetKind::Tokens)
        } else if self
            .usd_max
            .is_some_and(|max| usd > Decimal::ZERO && usd >= max * Decimal::from(WARNING_PERCENT))
        {
            Some(BudgetKind::Money)
        } else if self.work_ms_max.is_some_and(|max| near(spent.work_ms, max)) {
            Some(BudgetKind::Time)
        } else {
            None
        }
    }

    /// Returns what is left, shared evenly by a number of takers; time is not shared, since it
    /// passes for all of them at once.
    pub(crate) fn left(&self, spent: &Spent, takers: u32) -> BudgetLeft {
        let takers = takers.max(1);
        let turns = self
            .turns_max
            .saturating_sub(spent.turns + spent.turns_below);
        let tool_calls = self.tool_calls_max.saturating_sub(spent.tool_calls);
        BudgetLeft {
            turns: Some(turns / takers),
            tool_calls: Some(tool_calls / takers),
            tokens: self
                .tokens_left(spent)
                .map(|tokens| tokens / u64::from(takers)),
            usd: self.usd_left(spent).map(|usd| usd / Decimal::from(takers)),
            work_ms: self.work_ms_left(spent),
            agents: Some(self.agents_max.saturating_sub(spent.agents) / takers),
            depth: Some(self.depth_max),
        }
    }

    /// Returns the smaller of this budget and what is left of another one, in every respect.
    pub(crate) fn within(&self, left: &BudgetLeft) -> Self {
        fn smaller<T: Ord + Copy>(own: Option<T>, left: Option<T>) -> Option<T> {
            match (own, left) {
                (Some(own), Some(left)) => Some(own.min(left)),
                (own, left) => own.or(left),
            }
        }
        Self {
            turns_max: self.turns_max.min(left.turns.unwrap_or(u32::MAX)),
            tool_calls_max: self.tool_calls_max.min(left.tool_calls.unwrap_or(u32::MAX)),
            tokens_max: smaller(self.tokens_max, left.tokens),
            usd_max: smaller(self.usd_max, left.usd),
            work_ms_max: smaller(self.work_ms_max, left.work_ms),
            agents_max: self.agents_max.min(left.agents.unwrap_or(u32::MAX)),
            depth_max: self.depth_max.min(left.depth.unwrap_or(u32::MAX)),
        }
    }

    /// Returns the tokens that are left; `None` for no limit.
    pub fn tokens_left(&self, spent: &Spent) -> Option<u64> {
        self.tokens_max
            .map(|max| max.saturating_sub(spent.usage.total_tokens()))
    }

    /// Returns the money that is left, in US dollars; `None` for no limit.
    pub fn usd_left(&self, spent: &Spent) -> Option<Decimal> {
        self.usd_max
            .map(|max| (max - spent.usd - spent.lost_usd).max(Decimal::ZERO))
    }

    /// Returns the time at work that is left, in milliseconds; `None` for no limit.
    pub fn work_ms_left(&self, spent: &Spent) -> Option<u64> {
        self.work_ms_max
            .map(|max| max.saturating_sub(spent.work_ms))
    }
}
