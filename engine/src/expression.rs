//! Expressions (jq) and values made of them. Placeholder types until the evaluator lands.

/// A compiled jq expression.
#[derive(Debug, Clone)]
pub struct Expression;

/// A value whose leaves may be expressions.
#[derive(Debug, Clone)]
pub struct Template;
