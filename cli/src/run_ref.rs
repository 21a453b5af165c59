//! How people name runs: an id, the beginning of one, `@last`, `@last-failed`, `@prev`.

use crate::error::{CommandError, codes};
use crate::report::list::BriefView;

/// Finds the run that a reference names. `runs` has all runs, the newest first.
///
/// `@last` and `@prev` mean runs that somebody started, not those that other runs started.
///
/// # Errors
///
/// No run, or several, are named like this.
pub(crate) fn resolve<'a>(
    reference: &str,
    runs: &'a [BriefView],
) -> Result<&'a BriefView, CommandError> {
    let mut started = runs.iter().filter(|run| run.parent.is_none());
    let found = match reference {
        "@last" => started.next(),
        "@prev" => started.nth(1),
        "@last-failed" => started.find(|run| run.status == "faulted"),
        prefix => return by_prefix(prefix, runs),
    };
    found.ok_or_else(|| unknown(reference, "there are not enough runs of this kind"))
}

fn by_prefix<'a>(prefix: &str, runs: &'a [BriefView]) -> Result<&'a BriefView, CommandError> {
    let wanted = prefix.to_ascii_uppercase();
    let mut named = runs
        .iter()
        .filter(|run| !wanted.is_empty() && run.run.starts_with(&wanted));
    let first = named
        .next()
        .ok_or_else(|| unknown(prefix, "no id begins like this"))?;
    let others: Vec<&str> = named.map(|run| run.run.as_str()).take(3).collect();
    if others.is_empty() {
        return Ok(first);
    }
    let happened = format!("several runs begin with `{prefix}`");
    Err(CommandError::new(codes::RUN_AMBIGUOUS, happened)
        .because(format!("{}, {}", first.run, others.join(", ")))
        .next("type more letters of the id"))
}

fn unknown(reference: &str, why: &str) -> CommandError {
    CommandError::new(codes::RUN_UNKNOWN, format!("there is no run `{reference}`"))
        .because(why)
        .next("layercake ls --all")
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::report::list::BriefView;

    fn runs() -> Vec<BriefView> {
        let run = |id: &str, status: &str, parent: Option<&str>| BriefView {
            run: id.to_owned(),
            kind: "routine".to_owned(),
            name: "a/b@1".to_owned(),
            status: status.to_owned(),
            parent: parent.map(str::to_owned),
            started_at: String::new(),
            ended_at: None,
            key: None,
            interrupted: false,
        };
        vec![
            run("01D", "running", Some("01C")),
            run("01C", "waiting", None),
            run("01B", "faulted", None),
            run("01A", "completed", None),
        ]
    }

    #[track_caller]
    fn check(reference: &str, expected: Result<&str, &str>) {
        let runs = runs();
        let found = resolve(reference, &runs);
        match (found, expected) {
            (Ok(run), Ok(id)) => assert_eq!(run.run, id),
            (Err(error), Err(code)) => assert_eq!(error.code.id, code),
            (found, _) => panic!("{reference} gave {found:?}"),
        }
    }

    #[test]
    fn references_name_runs() {
        check("@last", Ok("01C"));
        check("@prev", Ok("01B"));
        check("@last-failed", Ok("01B"));
        check("01d", Ok("01D"));
        check("01", Err("LC0702"));
        check("02", Err("LC0701"));
        check("", Err("LC0701"));
    }
}
