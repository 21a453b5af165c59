//! Compiling expressions with jaq, and running them within bounds.

use std::collections::BTreeSet;

use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Term;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Exn, Lut, Vars};
use serde_json::Value;

use super::datum::Datum;
use super::direct::Direct;
use super::meter::{self, STEPS_BASE, STEPS_PER_NODE, Stop};
use super::names::{Names, names_of};
use super::usage::{Usage, Usages};
use super::{
    ExpressionError, ExpressionFailure, InvalidExpression, Mistake, Variables, mistakes, prelude,
};

/// The longest expression.
const SOURCE_BYTES_MAX: usize = 16 * 1024;

/// Expressions up to this length are parsed on the caller's stack: they cannot nest deeply enough
/// to overflow it.
const SHORT_BYTES_MAX: usize = 128;

/// The stack that an evaluation may use on the caller's thread. Tokio's threads have 2 MiB.
const STACK_BYTES_HERE: usize = 128 * 1024;

/// The stack that an evaluation may use on a thread of its own.
const STACK_BYTES_OWN: usize = 16 * 1024 * 1024;

/// The stack of that thread. The rest is for dropping long chains of paths, which recurses but
/// does not count. It is address space; memory is only used for what is touched.
const STACK_BYTES_THREAD: usize = 256 * 1024 * 1024;

/// The steps that an expression with loops may take on the caller's thread: too few to build a
/// chain whose dropping would matter. Most loops end within them.
const STEPS_HERE: u64 = 1_000;

/// The most characters of an error message that are kept.
const MESSAGE_CHARS_MAX: usize = 400;

/// What jaq is told about values and about the data of an evaluation.
#[derive(Debug)]
pub(super) struct Kind;

impl DataT for Kind {
    type V<'a> = Datum;
    type Data<'a> = Counted<'a>;
}

/// The compiled terms. jaq asks for them whenever it evaluates one, so every term is a step.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a>(&'a Lut<Kind>);

impl<'a> HasLut<'a, Kind> for Counted<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        meter::step();
        self.0
    }
}

/// A compiled expression.
pub(super) struct Program {
    source: String,
    variables: Vec<String>,
    /// How to evaluate it without jaq, if it is simple enough.
    direct: Option<Direct>,
    /// Which parts of its values it looks at.
    usage: Usages,
    filter: jaq_core::Filter<Kind>,
    /// Whether it may nest calls without bound, and so goes to a thread with a large stack.
    loops: bool,
}

impl Program {
    pub(super) fn compile(source: &str, variables: &[&str]) -> Result<Self, InvalidExpression> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(InvalidExpression {
                mistake: Mistake::Syntax,
                message: format!("the expression is longer than {SOURCE_BYTES_MAX} bytes"),
                help: Some("split it over several tasks".to_owned()),
                start: 0,
                end: source.len(),
            });
        }
        if source.len() <= SHORT_BYTES_MAX {
            return Self::compile_here(source, variables);
        }
        let compiled = on_large_stack(|| Self::compile_here(source, variables));
        compiled.unwrap_or_else(|| Self::compile_here(source, variables))
    }

    fn compile_here(source: &str, variables: &[&str]) -> Result<Self, InvalidExpression> {
        let term: Option<Term<&str>> = jaq_core::load::parse(source, |parser| parser.term());
        let mut names = term.as_ref().map_or_else(Names::default, names_of);
        let mentioned: BTreeSet<&str> = variables
            .iter()
            .copied()
            .filter(|name| names.variables.contains(*name))
            .collect();
        let globals: Vec<String> = mentioned.iter().map(|name| format!("${name}")).collect();
        let defs = prelude::reached(&mut names.calls);
        let arena = Arena::default();
        let file = File {
            code: source,
            path: (),
        };
        let modules = Loader::new(defs)
            .load(&arena, file)
            .map_err(|errors| mistakes::of_syntax(source, &errors))?;
        let filter = Compiler::default()
            .with_funs(prelude::natives(&names.calls))
            .with_global_vars(globals.iter().map(String::as_str))
            .compile(modules)
            .map_err(|errors| mistakes::of_names(source, &errors))?;
        let variables: Vec<String> = mentioned.into_iter().map(str::to_owned).collect();
        Ok(Self {
            source: source.to_owned(),
            usage: Usages::of(term.as_ref(), &variables),
            direct: term.and_then(|term| Direct::of(&term, &variables)),
            variables,
            filter,
            loops: names.loops,
        })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn variables(&self) -> &[String] {
        &self.variables
    }

    pub(super) fn evaluate(
        &self,
        input: &Value,
        variables: &dyn Variables,
    ) -> Result<Value, ExpressionError> {
        let fail = |failure| ExpressionError {
            expression: shortened(&self.source),
            failure,
        };
        let mut values = Vec::with_capacity(self.variables.len());
        for name in &self.variables {
            match variables.lookup(name) {
                Some(value) => values.push(value),
                None => return Err(fail(ExpressionFailure::Unset(name.clone()))),
            }
        }
        if let Some(value) = self
            .direct
            .as_ref()
            .and_then(|direct| direct.evaluate(input, &values))
        {
            return Ok(value);
        }
        let mut nodes = 0;
        let mut take = |value: &Value, usage: &Usage| {
            Datum::of_used(value, usage, &mut nodes).map_err(|stop| fail(failure_of(stop, 0)))
        };
        let input = take(input, &self.usage.input)?;
        let values = values
            .iter()
            .zip(&self.usage.variables)
            .map(|(value, usage)| take(value, usage))
            .collect::<Result<Vec<_>, _>>()?;
        let steps = STEPS_BASE + STEPS_PER_NODE * nodes;
        self.run(input, values, steps).map_err(fail)
    }

    /// Runs it with jaq: here while that is safe, else once more on a thread of its own.
    fn run(
        &self,
        input: Datum,
        values: Vec<Datum>,
        steps: u64,
    ) -> Result<Value, ExpressionFailure> {
        let steps_here = if self.loops { STEPS_HERE } else { steps };
        let (again, values_again) = (input.clone(), values.clone());
        let result = meter::guarded(steps_here, STACK_BYTES_HERE, || self.results(input, values));
        match result {
            Err(Stop::TooDeep) => {}
            Err(Stop::TooLong) if self.loops => {}
            result => return result.unwrap_or_else(|stop| Err(failure_of(stop, steps))),
        }
        let (input, values) = (again, values_again);
        on_large_stack(|| {
            meter::guarded(steps, STACK_BYTES_OWN, || self.results(input, values))
                .unwrap_or_else(|stop| Err(failure_of(stop, steps)))
        })
        .unwrap_or(Err(ExpressionFailure::NoThread))
    }

    fn results(&self, input: Datum, values: Vec<Datum>) -> Result<Value, ExpressionFailure> {
        let ctx = Ctx::<Kind>::new(Counted(&self.filter.lut), Vars::new(values));
        let mut results = self.filter.id.run((ctx, input));
        let first = match results.next() {
            None => return Ok(Value::Null),
            Some(Ok(value)) => value,
            Some(Err(exception)) => return Err(raised(exception)),
        };
        match results.next() {
            None => {}
            Some(Ok(_)) => return Err(ExpressionFailure::ManyResults),
            Some(Err(exception)) => return Err(raised(exception)),
        }
        if first.size() > super::datum::SIZE_MAX {
            return Err(ExpressionFailure::TooLarge("larger than 32 MiB"));
        }
        first.to_value().map_err(ExpressionFailure::NotJson)
    }
}

/// Runs work on a thread with a large stack. `None` when there is no thread to be had.
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(STACK_BYTES_THREAD)
            .spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

fn failure_of(stop: Stop, steps: u64) -> ExpressionFailure {
    match stop {
        Stop::TooLong => ExpressionFailure::TooLong(steps),
        Stop::TooDeep => ExpressionFailure::TooDeep,
        Stop::TooLarge(how) => ExpressionFailure::TooLarge(how),
        Stop::Broken => ExpressionFailure::Raised("the evaluator itself failed".to_owned()),
    }
}

fn raised(exception: Exn<'_, Datum>) -> ExpressionFailure {
    match exception.get_err() {
        Ok(error) => ExpressionFailure::Raised(shortened(&message(error.into_val()))),
        Err(_) => ExpressionFailure::Raised("it breaks out of nothing".to_owned()),
    }
}

fn message(value: Datum) -> String {
    match value {
        Datum::Text(text) => text.as_ref().to_owned(),
        other => other.to_json(),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
