//! The result lines of test binaries, as `cargo test` prints them, and their sum.

use std::io::Write;

use anyhow::Result;

/// The result lines that were seen so far.
#[derive(Debug, Default)]
pub(super) struct TestResults {
    lines: Vec<String>,
    failures: Vec<String>,
    passed: u64,
    failed: u64,
}

impl TestResults {
    /// Takes a line of `cargo test` and remembers it if it is a result, such as
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; …`, or a test that failed.
    pub(super) fn read(&mut self, line: &str) {
        if line.starts_with("test ") && line.ends_with(" ... FAILED") {
            self.failures.push(line.to_owned());
        }
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        self.passed += count(counts, "passed");
        self.failed += count(counts, "failed");
        self.lines.push(line.to_owned());
    }

    /// Writes the lines again, the failures among the tests, and as the last line of all the
    /// sum; nothing if no test ran.
    pub(super) fn write(&self, out: &mut dyn Write) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        for line in self.lines.iter().chain(&self.failures) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\n{} passed, {} failed", self.passed, self.failed)?;
        Ok(())
    }
}

/// The number before a word, as in `3 passed;`; 0 where it does not stand.
fn count(counts: &str, word: &str) -> u64 {
    let words: Vec<&str> = counts.split([' ', ';']).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::TestResults;

    fn written(lines: &[&str]) -> String {
        let mut results = TestResults::default();
        for line in lines {
            results.read(line);
        }
        let mut out = Vec::new();
        results.write(&mut out).expect("a vector takes every write");
        String::from_utf8(out).expect("results are text")
    }

    #[test]
    fn results_are_summed_over_all_binaries() {
        let one = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        let two = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        let text = written(&[
            "running 12 tests",
            one,
            "test a::b ... FAILED",
            "test a::c ... ok",
            two,
        ]);
        assert_eq!(
            text,
            format!("\n{one}\n{two}\ntest a::b ... FAILED\n\n15 passed, 2 failed\n")
        );
    }

    #[test]
    fn without_tests_nothing_is_claimed() {
        assert_eq!(written(&["error: could not compile"]), "");
    }
}
