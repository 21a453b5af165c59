//! Expressions (jq) of a definition: compiled once, evaluated anywhere, bounded always.
//!
//! It must never evaluate text that comes from data; only the definition holds expressions.

mod datum;
mod direct;
mod meter;
mod mistakes;
mod names;
mod natives;
mod prelude;
mod program;
mod template;
mod usage;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use program::Program;
pub(crate) use program::on_large_stack;
pub use template::Template;

/// What the variables of an expression stand for.
pub trait Variables {
    /// Returns the value of a variable; the name comes without `$`.
    ///
    /// `None` makes the evaluation fail: the variable is not set here.
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>>;
}

impl Variables for BTreeMap<String, Value> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.get(name).map(Cow::Borrowed)
    }
}

/// The absence of all variables.
impl Variables for () {
    fn lookup(&self, _: &str) -> Option<Cow<'_, Value>> {
        None
    }
}

/// A compiled jq expression. Cloning it is cheap.
#[derive(Clone)]
pub struct Expression(Arc<Program>);

impl Expression {
    /// Compiles an expression (without `${ }`) that may use these variables (without `$`).
    ///
    /// # Errors
    ///
    /// Names what is wrong and where, in bytes of `source`.
    pub fn compile(source: &str, variables: &[&str]) -> Result<Self, InvalidExpression> {
        Program::compile(source, variables).map(|program| Self(Arc::new(program)))
    }

    /// Returns the text of the expression, without `${ }`.
    pub fn source(&self) -> &str {
        self.0.source()
    }

    /// Returns the variables that the expression mentions, without `$`, sorted.
    pub fn variables(&self) -> &[String] {
        self.0.variables()
    }

    /// Evaluates the expression. No result at all is `null`.
    ///
    /// # Errors
    ///
    /// When a filter fails, when there is more than one result, when the result is not JSON
    /// (a number that is not finite), or when a limit is reached. The same arguments always
    /// give the same error.
    pub fn evaluate(
        &self,
        input: &Value,
        variables: &dyn Variables,
    ) -> Result<Value, ExpressionError> {
        self.0.evaluate(input, variables)
    }

    /// Tells whether the result is anything but `false` and `null`.
    ///
    /// # Errors
    ///
    /// As [`Expression::evaluate`].
    pub fn is_true(
        &self,
        input: &Value,
        variables: &dyn Variables,
    ) -> Result<bool, ExpressionError> {
        self.evaluate(input, variables)
            .map(|value| !matches!(value, Value::Null | Value::Bool(false)))
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source()).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

/// An expression that does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidExpression {
    /// What kind of mistake it is.
    pub mistake: Mistake,
    /// What is wrong, for people.
    pub message: String,
    /// What would help, if anything is known.
    pub help: Option<String>,
    /// The first wrong byte of the source.
    pub start: usize,
    /// The byte after the last wrong one.
    pub end: usize,
}

/// How an expression is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// It is not jq.
    Syntax,
    /// It calls a filter that does not exist.
    Filter(String),
    /// It uses a variable (without `$`) that does not exist here.
    Variable(String),
}

/// An expression that failed when it was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expression `{expression}`: {failure}")]
pub struct ExpressionError {
    /// The text of the expression, shortened when it is long.
    pub expression: String,
    /// What happened.
    pub failure: ExpressionFailure,
}

/// How an expression failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFailure {
    /// A filter raised an error.
    #[error("{0}")]
    Raised(String),
    /// There was more than one result.
    #[error("it has more than one result; write `[…]` around it to get them as an array")]
    ManyResults,
    /// The result cannot be written as JSON.
    #[error("its result is not JSON: {0}")]
    NotJson(&'static str),
    /// A variable has no value here.
    #[error("`${0}` has no value here")]
    Unset(String),
    /// It took too many steps.
    #[error("it did not end within {0} steps")]
    TooLong(u64),
    /// Its calls are nested too deeply.
    #[error("its calls are nested too deeply")]
    TooDeep,
    /// There was no thread to evaluate it on; trying again may help.
    #[error("there is no thread to evaluate it on")]
    NoThread,
    /// It made too large a value, or too deep a one.
    #[error("it makes a value that is {0}")]
    TooLarge(&'static str),
}

#[cfg(test)]
mod tests;
