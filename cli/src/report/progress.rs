//! Live progress on a terminal: what ends stands as a line, what goes on moves in the last one.
//!
//! It is a painter of records and nothing else: the same records, from this process or from
//! another one's socket, give the same picture. When standard error is no terminal it is silent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use layercake_engine::{Actor, EffectRequest, Record, RecordKind, RunId};

use super::paint::{duration, one_line};
use super::run::CostFold;
use super::screen::Screen;

/// The moving line is drawn at most this often: fast enough to look alive.
const DRAW_EVERY: Duration = Duration::from_millis(60);
/// The most characters of a moving line; longer ones would wrap on a narrow terminal.
const LINE_CHARS: usize = 76;
const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// Draws the progress of one run and of the runs below it.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    screen: &'a Screen,
    root: Option<RunId>,
    /// The last record of each run; a run that is followed again is told from its beginning.
    told: BTreeMap<RunId, u64>,
    began: BTreeMap<(RunId, String), u64>,
    first_at: u64,
    last_at: u64,
    current: String,
    tasks: u64,
    turns: u64,
    tools: u64,
    costs: CostFold,
    drawn_at: Option<Instant>,
}

impl<'a> Progress<'a> {
    /// Makes a picture with nothing in it.
    pub(crate) fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            root: None,
            told: BTreeMap::new(),
            began: BTreeMap::new(),
            first_at: 0,
            last_at: 0,
            current: String::new(),
            tasks: 0,
            turns: 0,
            tools: 0,
            costs: CostFold::default(),
            drawn_at: None,
        }
    }

    /// Takes one record in.
    pub(crate) fn record(&mut self, record: &Record) {
        let told = self.told.entry(record.run).or_default();
        if !self.screen.can_draw() || record.seq <= *told {
            return;
        }
        *told = record.seq;
        self.count(record);
        if let Some(line) = self.line(record) {
            self.screen.draw(&format!("{CLEAR_LINE}{line}\n"));
            self.drawn_at = None;
        }
        self.draw();
    }

    /// Takes the moving line away; before somebody else prints.
    pub(crate) fn clear(&mut self) {
        if self.screen.can_draw() {
            self.screen.draw(CLEAR_LINE);
            self.drawn_at = None;
        }
    }

    fn count(&mut self, record: &Record) {
        self.root.get_or_insert(record.run);
        self.last_at = record.at.as_millis();
        if self.first_at == 0 {
            self.first_at = self.last_at;
        }
        for entry in &record.costs {
            self.costs.add(entry);
        }
        match &record.kind {
            RecordKind::TaskStarted => {
                let key = (record.run, record.task.to_string());
                self.began.entry(key).or_insert(self.last_at);
                self.current = record.task.to_string();
            }
            RecordKind::TaskFinished => self.tasks += 1,
            RecordKind::EffectFinished { .. } => self.tools += 1,
            RecordKind::Session { event, .. } => match event.as_str() {
                "model-settled" => self.turns += 1,
                "tool-settled" => self.tools += 1,
                _ => {}
            },
            _ => {}
        }
    }

    /// Returns the line that a record leaves behind, if it leaves one.
    fn line(&mut self, record: &Record) -> Option<String> {
        let paint = self.screen.err;
        let task = record.task.as_str();
        match &record.kind {
            RecordKind::RunStarted(start) if self.root == Some(record.run) => Some(format!(
                "{} {}  {}",
                paint.cyan("▶"),
                start.name,
                record.run
            )),
            RecordKind::TaskFinished if is_outermost(task) => {
                let key = (record.run, task.to_owned());
                let took = record.at.as_millis() - self.began.remove(&key)?;
                let took = paint.dim(&duration(took));
                Some(format!("  {} {task}  {took}", paint.green("✓")))
            }
            RecordKind::TaskFaulted { problem } if is_outermost(task) => {
                let title = one_line(&problem.title, LINE_CHARS);
                Some(format!("  {} {task}  {title}", paint.red("✗")))
            }
            RecordKind::TaskRetried { problem, .. } => {
                let title = one_line(&problem.title, LINE_CHARS);
                Some(format!("  {} {task}  {title}", paint.yellow("↻ again:")))
            }
            RecordKind::EffectIntended(effect) => match &effect.request {
                EffectRequest::Approval(approval) => {
                    let title = one_line(&approval.title, LINE_CHARS);
                    Some(format!(
                        "  {} {title}",
                        paint.yellow("⏸ waits for a person:")
                    ))
                }
                EffectRequest::Call(_)
                | EffectRequest::Timer { .. }
                | EffectRequest::Run { .. } => None,
            },
            RecordKind::Decided { decision, .. } => {
                let by = one_line(&decision.by, LINE_CHARS);
                Some(format!(
                    "  {} {:?} by {by}",
                    paint.yellow("⏵ decided:"),
                    decision.verdict
                ))
            }
            RecordKind::EffectUnknown { explanation, .. } => {
                let what = one_line(explanation, LINE_CHARS);
                Some(format!("  {} {what}", paint.yellow("? unknown:")))
            }
            RecordKind::Session { event, .. } if event == "tool-intended" => {
                let Actor::Tool(tool) = &record.actor else {
                    return None;
                };
                Some(format!(
                    "  {} {}",
                    paint.cyan("→ tool"),
                    one_line(tool, LINE_CHARS)
                ))
            }
            _ => None,
        }
    }

    fn draw(&mut self) {
        if self.drawn_at.is_some_and(|at| at.elapsed() < DRAW_EVERY) {
            return;
        }
        let cost = self.costs.view();
        let bound = if cost.exact { "" } else { "≥" };
        let line = format!(
            "  … {} · {} tasks · {} turns · {} tools · {bound}${} · {}",
            self.current,
            self.tasks,
            self.turns,
            self.tools,
            cost.usd.round_dp(4),
            duration(self.last_at - self.first_at)
        );
        let line = self.screen.err.dim(&one_line(&line, LINE_CHARS));
        self.screen.draw(&format!("{CLEAR_LINE}{line}"));
        self.drawn_at = Some(Instant::now());
    }
}

/// Tells whether a key names a task of the outermost scope, so that loops do not fill the screen.
fn is_outermost(task: &str) -> bool {
    !task.is_empty() && !task.contains('/')
}
