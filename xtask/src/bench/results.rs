//! What came out: medians, and how many times better or worse than ours.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;

use super::contestant::Answer;
use super::listing::{Better, Listing, Scenario};

/// Every answer, by scenario and contestant.
#[derive(Debug, Default)]
pub(super) struct Results {
    answers: BTreeMap<(String, String), Vec<Answer>>,
}

impl Results {
    /// Keeps one answer.
    pub(super) fn add(&mut self, scenario: &str, contestant: &str, answer: Answer) {
        let key = (scenario.to_owned(), contestant.to_owned());
        self.answers.entry(key).or_default().push(answer);
    }

    /// Says whether this project was measured in every scenario.
    pub(super) fn ours_took_part(&self, listing: &Listing) -> bool {
        let Some(ours) = listing.contestants.iter().find(|one| one.ours) else {
            return false;
        };
        let mut scenarios = listing.scenarios.iter();
        scenarios.all(|scenario| self.median(&scenario.name, &ours.name).is_some())
    }

    fn values(&self, scenario: &str, contestant: &str) -> Vec<f64> {
        let key = (scenario.to_owned(), contestant.to_owned());
        let answers = self.answers.get(&key).map_or(&[][..], Vec::as_slice);
        let mut values: Vec<f64> = answers
            .iter()
            .filter_map(|answer| match answer {
                Answer::Value(value) => Some(*value),
                _ => None,
            })
            .collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self, scenario: &str, contestant: &str) -> Option<f64> {
        let values = self.values(scenario, contestant);
        values.get(values.len() / 2).copied()
    }

    /// Writes one table for each scenario, then what a reader must know.
    pub(super) fn write(&self, listing: &Listing, out: &mut dyn Write) -> Result<()> {
        for scenario in &listing.scenarios {
            writeln!(
                out,
                "\n{} ({}, {} is better)",
                scenario.title,
                scenario.unit,
                match scenario.better {
                    Better::More => "more",
                    Better::Less => "less",
                }
            )?;
            let ours = listing.contestants.iter().find(|one| one.ours);
            let ours = ours.and_then(|one| self.median(&scenario.name, &one.name));
            for contestant in &listing.contestants {
                let compared = ours.filter(|_| !contestant.ours && !contestant.control);
                self.write_row(scenario, &contestant.name, compared, out)?;
            }
        }
        writeln!(out, "\n{}", listing.caveat.trim())?;
        Ok(())
    }

    fn write_row(
        &self,
        scenario: &Scenario,
        contestant: &str,
        ours: Option<f64>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let values = self.values(&scenario.name, contestant);
        let (Some(least), Some(most), Some(median)) = (
            values.first(),
            values.last(),
            self.median(&scenario.name, contestant),
        ) else {
            let why = self.why_not(&scenario.name, contestant);
            writeln!(out, "  {contestant:<22} {:>12}  {why}", "–")?;
            return Ok(());
        };
        let ratio = ours.map_or_else(String::new, |ours| {
            let times = match scenario.better {
                Better::More => ours / median,
                Better::Less => median / ours,
            };
            format!("  ours is {times:.2} times as good")
        });
        writeln!(
            out,
            "  {contestant:<22} {:>12}  from {} to {}{ratio}",
            figure(median),
            figure(*least),
            figure(*most)
        )?;
        Ok(())
    }

    fn why_not(&self, scenario: &str, contestant: &str) -> String {
        let key = (scenario.to_owned(), contestant.to_owned());
        let answers = self.answers.get(&key).map_or(&[][..], Vec::as_slice);
        let why = answers.iter().find_map(|answer| match answer {
            Answer::Unsupported(why) | Answer::Failed(why) => Some(why.clone()),
            _ => None,
        });
        why.unwrap_or_else(|| "did not take part".to_owned())
    }
}

/// Writes a number so that at least three of its digits can be read.
fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::contestant::Answer;
    use super::super::listing::Listing;
    use super::Results;

    const LISTING: &str = "
        caveat = 'one machine'
        [[scenario]]
        name = 'rate'
        title = 'A rate'
        count = 1
        unit = 'steps/s'
        better = 'more'
        [[scenario]]
        name = 'time'
        title = 'A time'
        count = 1
        unit = 'ms'
        better = 'less'
        [[contestant]]
        name = 'us'
        ours = true
        start = ['x']
        [[contestant]]
        name = 'them'
        start = ['x']
    ";

    fn written(results: &Results) -> String {
        let listing: Listing = toml::from_str(LISTING).unwrap();
        let mut out = Vec::new();
        results.write(&listing, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ratios_say_how_much_better_ours_is_in_both_directions() {
        let mut results = Results::default();
        for (us, them) in [(90.0, 50.0), (100.0, 40.0), (110.0, 60.0)] {
            results.add("rate", "us", Answer::Value(us));
            results.add("rate", "them", Answer::Value(them));
            results.add("time", "us", Answer::Value(us));
            results.add("time", "them", Answer::Value(them));
        }
        let text = written(&results);
        assert!(text.contains("ours is 2.00 times as good"), "{text}");
        assert!(text.contains("ours is 0.50 times as good"), "{text}");
        assert!(text.ends_with("one machine\n"), "{text}");
    }

    #[test]
    fn who_did_not_take_part_is_told_with_the_reason() {
        let mut results = Results::default();
        results.add("rate", "them", Answer::Unsupported("has no runs".into()));
        let text = written(&results);
        assert!(text.contains("has no runs"), "{text}");
        assert!(text.contains("did not take part"), "{text}");
        let listing: Listing = toml::from_str(LISTING).unwrap();
        assert!(!results.ours_took_part(&listing));
    }
}
