//! The file of a scripted model as a whole.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_saphyr::Location;

use super::rule::Rule;
use crate::{ModelError, ModelErrorKind, Price};

/// The newest version of the format.
const VERSION: u32 = 1;
/// What the pretend tokens cost, so that reports have something to show: US dollars for a
/// million of them.
const PRETEND_INPUT: Decimal = Decimal::ONE;
const PRETEND_OUTPUT: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// A script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    #[serde(default = "newest")]
    version: u32,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    price: Option<PretendPrice>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PretendPrice {
    input: String,
    output: String,
}

fn newest() -> u32 {
    VERSION
}

impl Script {
    pub(super) fn read(origin: &str, text: &str) -> Result<Self, ModelError> {
        let options = serde_saphyr::options! { with_snippet: false };
        let read = serde_saphyr::from_str_with_options::<Self>(text, options);
        let script = read.map_err(|error| {
            let place = error.location().unwrap_or(Location::UNKNOWN);
            let what = error.without_snippet().to_string();
            broken(
                &format!("{origin}:{}:{}", place.line(), place.column()),
                &what,
            )
        })?;
        script.check().map_err(|what| broken(origin, &what))?;
        Ok(script)
    }

    /// Checks what the types cannot say.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!(
                "version {} is not known; this build reads {VERSION}",
                self.version
            ));
        }
        if let Some(price) = &self.price {
            price.read().ok_or("the price is no decimal number")?;
        }
        for (number, rule) in self.rules.iter().enumerate() {
            rule.check()
                .map_err(|what| format!("{}: {what}", rule.title(number)))?;
        }
        Ok(())
    }

    pub(super) fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or("scripted")
    }

    pub(super) fn price(&self) -> Price {
        let given = self.price.as_ref().and_then(PretendPrice::read);
        given.unwrap_or(Price::of(PRETEND_INPUT, PRETEND_OUTPUT))
    }
}

impl PretendPrice {
    fn read(&self) -> Option<Price> {
        let input = self.input.parse().ok()?;
        let output = self.output.parse().ok()?;
        Some(Price::of(input, output))
    }
}

fn broken(place: &str, what: &str) -> ModelError {
    let message = format!("the script is wrong at {place}: {what}");
    ModelError::new(ModelErrorKind::Script, message)
}
