//! Error messages: they read after "failed to", so they begin in lower case and end without a
//! period; and they leave their source to whoever prints the chain.

use crate::finding::Finding;
use crate::syntax::Source;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .iter()
        .flat_map(|(path, source)| check_file(path, source))
        .collect()
}

fn check_file(path: &str, source: &Source) -> Vec<Finding> {
    let code = &source.code;
    let texts: Vec<char> = source.uncommented.chars().collect();
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("#[error(\"") {
        let ends = ["\")]", "\","];
        let end = ends.iter().filter_map(|mark| code[at..].find(mark)).min();
        let end = end.map_or(code.len(), |end| at + end);
        // Masked code has one byte for each character of the text.
        let message: String = texts[at + "#[error(\"".len()..end].iter().collect();
        let variant = variant(&code[end..]);
        let line = source.line_at(at);
        findings.extend(faults(&message, variant).map(|fault| Finding::at(path, line, fault)));
    }
    findings
}

/// The code from the end of a message to the next one, or to the end of the type.
fn variant(code: &str) -> &str {
    let end = ["#[error(", "\n}"]
        .iter()
        .filter_map(|mark| code.find(mark))
        .min();
    &code[..end.unwrap_or(code.len())]
}

fn faults(message: &str, variant: &str) -> impl Iterator<Item = &'static str> {
    let mut letters = message.chars();
    let begins_upper = letters.next().is_some_and(char::is_uppercase);
    let is_word = letters.next().is_some_and(char::is_lowercase);
    let has_source = variant.contains("#[source]") || variant.contains("#[from]");
    let repeats = message.contains("{source") || has_source && message.contains("{0");
    let faults = [
        (begins_upper && is_word, "begin the message in lower case"),
        (message.ends_with('.'), "end the message without a period"),
        (repeats, "leave the source to whoever prints the chain"),
    ];
    faults
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, fault)| fault)
}

#[cfg(test)]
mod tests {
    use crate::tidy::check_rule;

    fn check(body: &str, expected: &[&str]) {
        let text = format!("//! Errors.\nenum E {{\n{body}}}\n");
        let expected: Vec<String> = expected
            .iter()
            .map(|fault| format!("cli/src/error.rs:{fault}"))
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_rule(super::check, &[("cli/src/error.rs", &text)], &expected);
    }

    #[test]
    fn messages_in_form_pass() {
        check(
            "#[error(\"the file {path} cannot be read\")]\nRead { path: P, source: S },\n",
            &[],
        );
        check(
            "#[error(\"HTTP said „{0}“\")]\nHttp(u16),\n#[error(transparent)]\nIo(#[from] Io),\n",
            &[],
        );
        check(
            "#[error(\"step {0} failed\", step.name)]\nStep(u8),\n#[error(\"io\")]\nIo(#[source] Io),\n",
            &[],
        );
    }

    #[test]
    fn messages_out_of_form_are_found() {
        check(
            "#[error(\"Cannot read\")]\nA,\n",
            &["3: begin the message in lower case"],
        );
        check(
            "#[error(\"ünread\")]\nA,\n#[error(\"no.\")]\nB,\n",
            &["5: end the message without a period"],
        );
        let source = "leave the source to whoever prints the chain";
        check(
            "#[error(\"reading: {source}\")]\nA { source: S },\n",
            &[&format!("3: {source}")],
        );
        check(
            "#[error(\"reading: {0}\")]\nA(#[source] S),\n",
            &[&format!("3: {source}")],
        );
    }
}
