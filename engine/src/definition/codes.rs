//! The codes of all remarks about definitions, with what they mean.

/// A code with its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code, for instance `LC0104`. It never changes its meaning.
    pub code: &'static str,
    /// What it is about, in few words.
    pub title: &'static str,
    /// What it means and what to do, in some sentences.
    pub explanation: &'static str,
}

/// Returns all codes of remarks about definitions, in order.
pub fn codes() -> &'static [Code] {
    CODES
}

/// Mistakes that leave open what follows what, so that the control flow cannot be judged.
pub(crate) const FLOW_UNCLEAR: &[&str] = &[
    UNKNOWN_TARGET,
    NO_TASK_WORD,
    TWO_TASK_WORDS,
    NOT_ONE_NAME,
    DUPLICATE_NAME,
    OTHER_SCOPE,
];

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(#[doc = $title] pub(crate) const $name: &str = $code;)*
        const CODES: &[Code] = &[$(Code { code: $code, title: $title, explanation: $explanation }),*];
    };
}

codes! {
    NOT_YAML = "LC0101", "the text is not YAML",
        "The definition cannot be read as YAML 1.2 or JSON, so nothing in it was looked at. Most often \
         an indentation is wrong, or an expression with `: `, `#`, a quote or a brace stands there \
         without quotes. Put such expressions into single quotes: `'${ { a: .x } }'`. Better still, \
         build objects in YAML and put expressions only into their leaves.";
    TOO_LARGE = "LC0102", "the definition is too large",
        "A definition may have up to one mebibyte. Move data out of it (into the input, a file, a \
         sub-routine).";
    TOO_DEEP = "LC0103", "the definition is nested too deeply",
        "A definition may be nested up to 64 levels. Move inner parts into functions under `use` or \
         into sub-routines.";
    UNKNOWN_TARGET = "LC0104", "`then` names no task",
        "`then` takes `continue` (the next task), `exit` (leave this list of tasks), `end` (end the \
         run), or the name of a task in the same list. The name that stands there belongs to no task \
         of that list.";
    DUPLICATE_KEY = "LC0105", "a key is given twice",
        "An object has each key once. Two equal keys would silently hide one of the values.";
    YAML_FEATURE = "LC0106", "a YAML feature that definitions do not use",
        "Anchors, aliases and tags are not read: what a definition says must be visible where it \
         stands. Share retries, errors, timeouts and functions under `use`.";
    NO_DOCUMENT = "LC0107", "not exactly one document",
        "A text holds one definition: it must not be empty, and `---` must not start a second one.";
    NOT_FINITE = "LC0108", "a number that is not finite",
        "Infinity and not-a-number have no form in JSON, which is what tasks exchange.";
    UNKNOWN_KEY = "LC0110", "an unknown key",
        "The standard knows no such key at this place, so it would be ignored. Most often it is \
         mistyped or indented wrongly. What is yours alone belongs under `metadata`.";
    MISSING_KEY = "LC0111", "a key is missing",
        "The standard requires this key here.";
    WRONG_KIND = "LC0112", "a value of the wrong kind",
        "The standard wants another kind of value here: text, number, list, object or truth value. \
         Versions need quotes when they look like numbers: `'1.0'`.";
    NOT_ALLOWED = "LC0113", "a value that is not allowed",
        "Only certain values, or values of a certain form, are allowed here.";
    DSL_VERSION = "LC0114", "a version of the standard that is not known",
        "`document.dsl` names the version of the Open Workflow Specification. 1.0.0 to 1.0.3 are \
         read. Definitions of the older 0.x language look different and cannot be read.";
    NO_TASK_WORD = "LC0115", "a task without a known word",
        "A task says what it does by exactly one of the words `call`, `do`, `emit`, `for`, `fork`, \
         `listen`, `raise`, `run`, `set`, `switch`, `try`, `wait`.";
    TWO_TASK_WORDS = "LC0116", "a task with two words",
        "A task does one thing. Make two tasks of it; they run one after the other.";
    NOT_ONE_NAME = "LC0117", "an item without exactly one name",
        "Tasks and cases are items of a list with one key each, which is their name: \
         `- myTask: { set: … }`. When there are two keys, the second is usually indented wrongly.";
    DUPLICATE_NAME = "LC0118", "a name is given twice",
        "Names of tasks are unique in their list, because `then` and the run's records refer to \
         them.";
    DURATION = "LC0119", "not a duration",
        "A duration is an object of `days`, `hours`, `minutes`, `seconds`, `milliseconds`, or ISO \
         8601 text such as `PT15M` or `P1DT12H`, or an expression that gives one of these. Years and \
         months have no fixed length and are refused.";
    UNKNOWN_FUNCTION = "LC0120", "an unknown function",
        "`call` names a call of the standard (`http`), a function under `use.functions`, or a \
         function of the catalog with its version: `decide:1.0.0@default`.";
    FUNCTION_VERSION = "LC0121", "a function without version or catalog",
        "Functions of the catalog are named in full, `name:version@default`, so that a routine does \
         the same thing next year.";
    UNKNOWN_RETRY = "LC0122", "an unknown retry policy",
        "`retry` holds a policy, or the name of one under `use.retries`.";
    UNKNOWN_ERROR = "LC0123", "an unknown error",
        "`raise.error` holds an error, or the name of one under `use.errors`.";
    UNKNOWN_TIMEOUT = "LC0124", "an unknown time limit",
        "`timeout` holds `after` with a duration, or the name of one under `use.timeouts`.";
    UNKNOWN_AUTHENTICATION = "LC0125", "an unknown authentication",
        "`authentication.use` names an entry under `use.authentications`.";
    UNKNOWN_SECRET = "LC0126", "a secret that is not declared",
        "Secrets are named under `use.secrets` before they are used, so that whoever runs the \
         routine sees what it needs.";
    RECURSION = "LC0127", "a function that calls itself",
        "A function under `use.functions` must not call itself, directly or through others. Repeat \
         with `for`, or with a sub-routine.";
    ARGUMENTS = "LC0128", "arguments that do not fit the function",
        "Functions of the catalog publish a schema of their arguments. What is written under `with` \
         does not satisfy it. Expressions are only checked when they are evaluated.";
    PLAIN_SECRET = "LC0129", "a secret in plain text",
        "A definition is copied, published and recorded; whoever reads it would have the secret. Name \
         the secret under `use.secrets` and refer to it, or take it from an expression.";
    EXPRESSION_SYNTAX = "LC0130", "an expression that is not jq",
        "Expressions are written in jq. The place points into the expression.";
    UNDEFINED_FILTER = "LC0131", "an undefined filter",
        "The expression calls a filter that does not exist here. Filters whose result is not the \
         same every time (`now`, `env`, `input`, `debug`, `halt`, local time) do not exist on \
         purpose: a run must be repeatable. Use `$workflow.startedAt`, `$task.startedAt`, or the \
         catalog functions `now` and `uuid`.";
    UNDEFINED_VARIABLE = "LC0132", "an undefined variable",
        "Variables are `$context`, `$input`, `$output`, `$secrets`, `$authorization`, `$task`, \
         `$workflow`, `$runtime`, and what `for` and `catch` define. Not all of them exist \
         everywhere: `$output` only in `export.as`, loop variables only inside the loop.";
    NOT_EXPRESSION = "LC0133", "an expression that does not end, or none where one is needed",
        "An expression stands alone in its value: `${` at its start, `}` at its end. To build text \
         around a value, use jq's own interpolation: `${ \"Dear \\(.name)\" }`.";
    LOOKS_LIKE_EXPRESSION = "LC0134", "text that looks like an expression",
        "Outside of `if`, `when`, `in`, `from`, `as` and `while`, only `${ … }` is evaluated. This \
         text looks like an expression and will be taken as plain text.";
    SCHEMA = "LC0135", "not a usable JSON Schema",
        "The schema is not valid JSON Schema, or refers to something outside of itself. Nothing is \
         ever fetched for a schema.";
    CRON = "LC0136", "not a cron expression",
        "`cron` has five fields: minute, hour, day of the month, month, day of the week. Each is `*`, a \
         number, a range `1-5`, a step `*/15`, or a list of these; months and days also have names.";
    OTHER_SCOPE = "LC0140", "`then` leads into another list of tasks",
        "`then` only reaches tasks of its own list. Leave the list with `exit` and branch outside, \
         or move the task.";
    UNREACHABLE = "LC0141", "a task that is never reached",
        "No path leads to this task, whatever the data. A `then` before it probably names the wrong \
         task.";
    ENDLESS = "LC0142", "a loop without a way out",
        "These tasks lead to each other and nowhere else, so the run could never end. Let a \
         `switch` or an `if` lead out of them.";
    DEFAULT_NOT_LAST = "LC0143", "a default case that is not the last",
        "A case without `when` always holds, so the cases after it are never looked at.";
    MAY_SPIN = "LC0144", "a loop that may spin",
        "These tasks lead to each other without waiting, calling or counting anything. If the \
         condition that leads out never holds, the run burns time without end.";
    NEVER_CAUGHT = "LC0145", "a `catch` that catches nothing",
        "No problem can ever pass this filter.";
    NOT_EXECUTED = "LC0150", "not executed by this version",
        "The standard knows this, and so does the reader, but this version of the engine cannot \
         execute it. It refuses the whole definition instead of running half of it.";
    NO_SUCH_KEY = "LC0160", "a key that is not there",
        "As far as the schemas and the tasks before say, the value has no such key, so the \
         expression gives `null` or fails. Remember that `export.as` replaces the whole context: \
         write `${ $context + { … } }` to add to it. Where a key may be missing on purpose, say so: \
         `.key // null`, or `.key?`.";
    NEVER_EQUAL = "LC0161", "a comparison with only one answer",
        "As far as the schemas and the tasks before say, the two sides can never be equal. Most often \
         a word is mistyped, or a number is compared with text.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_explained() {
        assert!(codes().is_sorted_by(|a, b| a.code < b.code));
        for code in codes() {
            assert!(code.explanation.ends_with('.'), "{}", code.code);
            assert!(!code.explanation.contains("  "), "{}", code.code);
            assert!(!code.title.ends_with('.'), "{}", code.code);
        }
    }
}
