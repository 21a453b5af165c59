//! The figures of a set of files, and how they are printed.

use super::production::Production;

/// A function longer than this counts as long.
const LONG: usize = 70;

/// What can follow `pub` in an item; a field is none.
const ITEMS: [&str; 12] = [
    "fn", "struct", "enum", "trait", "mod", "use", "const", "static", "type", "async", "unsafe",
    "extern",
];

/// The figures of a set of files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// All lines.
    pub(super) lines: usize,
    files: Vec<usize>,
    functions: Vec<usize>,
    public: usize,
    restricted: usize,
    docs: usize,
    unwraps: usize,
    names: usize,
}

impl Figures {
    /// What stands above the rows.
    pub(super) const HEADINGS: &'static str = concat!(
        "crate      files   lines  share   files median/p90/max   functions median/p90/over 70",
        "   restricted   docs   unwraps   names",
    );

    /// Counts a set of files.
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a Production>) -> Self {
        let mut figures = Self::default();
        for file in files {
            figures.count(file);
        }
        figures.files.sort_unstable();
        figures.functions.sort_unstable();
        figures
    }

    fn count(&mut self, file: &Production) {
        self.lines += file.lines.len();
        self.files.push(file.lines.len());
        self.functions
            .extend(file.functions.iter().map(|function| function.length));
        for line in &file.lines {
            let line = line.trim_start();
            self.docs += usize::from(line.starts_with("///"));
            self.public += usize::from(is_item(line, "pub "));
            self.restricted += usize::from(line.starts_with("pub(") && is_item(line, ") "));
        }
        self.unwraps += file.unwraps;
        if file.path.ends_with("src/lib.rs") {
            self.names += exported(&file.code.join(" "));
        }
    }

    /// One row of the table, with the share of all lines.
    pub(super) fn row(&self, name: &str, all_lines: usize) -> String {
        let files = &self.files;
        let functions = &self.functions;
        let long = functions.iter().filter(|length| **length > LONG).count();
        format!(
            "{name:<10} {:>5} {:>7} {:>6} {:>24} {:>30} {:>12} {:>6} {:>9.1} {:>7}",
            files.len(),
            self.lines,
            percent(self.lines, all_lines, 0),
            format!("{} / {} / {}", at(files, 50), at(files, 90), at(files, 100)),
            format!(
                "{} / {} / {}",
                at(functions, 50),
                at(functions, 90),
                percent(long, functions.len(), 1)
            ),
            percent(self.restricted, self.public + self.restricted, 0),
            percent(self.docs, self.lines, 0),
            1000.0 * ratio(self.unwraps, self.lines),
            self.names,
        )
    }
}

fn is_item(line: &str, visibility: &str) -> bool {
    let Some((before, rest)) = line.split_once(visibility) else {
        return false;
    };
    let word = rest
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    (before.is_empty() || before.starts_with("pub(")) && ITEMS.contains(&word)
}

/// The number of names in `pub use` lines.
fn exported(code: &str) -> usize {
    let uses = code.split("pub use ").skip(1);
    uses.map(|rest| {
        let list = rest.split(';').next().unwrap_or_default();
        list.split(',')
            .filter(|name| name.contains(char::is_alphabetic))
            .count()
    })
    .sum()
}

/// The value at a percentage of a sorted list.
fn at(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

/// A share in percent, with a number of decimals.
pub(super) fn percent(part: usize, whole: usize, decimals: usize) -> String {
    format!("{:.decimals$} %", 100.0 * ratio(part, whole))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of lines are far below 2^52"
)]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Production, at, exported, percent};

    #[test]
    fn a_file_is_counted_without_its_tests() {
        let file = Production::of(
            "model/src/lib.rs",
            concat!(
                "//! Doc.\n",
                "/// A.\npub struct A {\n    pub field: u8,\n}\n",
                "pub(crate) fn f() { g().unwrap(); }\n",
                "pub use a::{B, C,};\n",
                "#[cfg(test)]\nmod tests {\n    fn t() { g().unwrap(); }\n}\n",
            ),
        );
        let expected = Figures {
            lines: 7,
            files: vec![7],
            functions: vec![1],
            public: 2,
            restricted: 1,
            docs: 1,
            unwraps: 1,
            names: 2,
        };
        assert_eq!(Figures::of([file].iter()), expected);
    }

    #[test]
    fn places_in_a_sorted_list() {
        let list: Vec<usize> = (1..=11).collect();
        assert_eq!((at(&list, 50), at(&list, 90), at(&list, 100)), (6, 10, 11));
        assert_eq!(at(&[], 50), 0);
    }

    #[test]
    fn shares_and_names() {
        assert_eq!(percent(1, 8, 1), "12.5 %");
        assert_eq!(percent(1, 0, 0), "0 %");
        assert_eq!(exported("mod a; pub use a::A; pub use b::{C, D as E,};"), 3);
    }
}
