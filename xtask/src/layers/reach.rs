//! Which foreign crates a member may reach, however indirectly, under each set of features.
//!
//! Asked of `cargo tree` for one member at a time: `cargo metadata` resolves the whole
//! workspace at once, where the program's needs switch on the features of the layers below, so
//! that the engine "without its features" never shows there.

use anyhow::Result;

use super::graph::Graph;

/// The features that a member is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Features {
    None,
    Default,
    All,
    Only(&'static str),
}

impl Features {
    fn arguments(self) -> Vec<&'static str> {
        match self {
            Self::None => vec!["--no-default-features"],
            Self::Default => vec![],
            Self::All => vec!["--all-features"],
            Self::Only(name) => vec!["--no-default-features", "--features", name],
        }
    }

    fn words(self) -> String {
        match self {
            Self::None => "without features".to_owned(),
            Self::Default => "with its default features".to_owned(),
            Self::All => "with all features".to_owned(),
            Self::Only(name) => format!("with the feature `{name}` alone"),
        }
    }
}

/// A crate that may not be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ban {
    /// The crate.
    pub(super) name: &'static str,
    /// The one crate through which it may be reached after all.
    pub(super) except_through: Option<&'static str>,
}

const fn never(name: &'static str) -> Ban {
    Ban {
        name,
        except_through: None,
    }
}

const fn only_through(name: &'static str, through: &'static str) -> Ban {
    Ban {
        name,
        except_through: Some(through),
    }
}

/// One member under one set of features: what it must not reach, and what it must, because a
/// permission that nobody uses has no place in a table.
#[derive(Debug)]
pub(super) struct Walk {
    /// The member.
    pub(super) member: &'static str,
    /// Its features.
    pub(super) features: Features,
    /// What it must not reach.
    pub(super) bans: &'static [&'static [Ban]],
    /// What it must reach.
    pub(super) needs: &'static [&'static str],
}

const STORES: &[Ban] = &[never("redb"), never("petgraph")];
const RUNTIMES: &[Ban] = &[never("tokio"), never("async-std"), never("smol")];
const CLIENTS: &[Ban] = &[never("reqwest"), never("hyper"), never("ureq")];
const CHANCE: &[Ban] = &[never("rand"), never("rand_core"), never("fastrand")];

/// Crates that read a clock. `time` is none of them here: only its formats are used, and
/// `clippy.toml` of each deterministic crate forbids the calls that read.
const CLOCKS: &[Ban] = &[
    never("chrono"),
    never("jiff"),
    never("quanta"),
    never("coarsetime"),
    never("minstant"),
    never("instant"),
    never("web-time"),
];

/// The engine's expressions need calendar arithmetic (`mktime`, `strftime`), for which jaq uses
/// jiff; the filter that would read the clock is left out of the language. Its schema checker
/// draws the seed of its hash maps, which no result depends on.
const ENGINE_CLOCKS: &[Ban] = &[
    never("chrono"),
    only_through("jiff", "jaq-std"),
    never("quanta"),
    never("coarsetime"),
    never("minstant"),
    never("instant"),
    never("web-time"),
    only_through("getrandom", "ahash"),
];

const CLIENT_OF_MODEL: &[Ban] = &[only_through("reqwest", "layercake-model")];

/// The second of the two tables that keep the layers apart.
pub(super) const WALKS: &[Walk] = &[
    model(Features::None, &[]),
    model(Features::Default, &["reqwest"]),
    model(Features::All, &["reqwest"]),
    harness(Features::None),
    harness(Features::Default),
    harness(Features::All),
    Walk {
        member: "layercake-engine",
        features: Features::None,
        bans: &[RUNTIMES, CLIENTS, CHANCE, ENGINE_CLOCKS],
        needs: &["redb", "petgraph"],
    },
    Walk {
        member: "layercake-engine",
        features: Features::Only("runtime"),
        bans: &[CLIENTS, CHANCE],
        needs: &["tokio"],
    },
    Walk {
        member: "layercake-engine",
        features: Features::Only("http"),
        bans: &[CHANCE],
        needs: &["reqwest"],
    },
    Walk {
        member: "layercake-engine",
        features: Features::Default,
        bans: &[CHANCE],
        needs: &["tokio", "reqwest"],
    },
    Walk {
        member: "layercake-engine",
        features: Features::All,
        bans: &[CHANCE],
        needs: &["tokio", "reqwest"],
    },
    context(Features::None),
    context(Features::Default),
    context(Features::All),
];

const fn model(features: Features, needs: &'static [&'static str]) -> Walk {
    Walk {
        member: "layercake-model",
        features,
        bans: match features {
            Features::None => &[STORES, CLIENTS],
            Features::Default | Features::All | Features::Only(_) => &[STORES],
        },
        needs,
    }
}

/// The feature `mcp` speaks to servers on the web itself.
const fn harness(features: Features) -> Walk {
    let (bans, needs): (&[&[Ban]], &[&str]) = match features {
        Features::None | Features::Default => (&[STORES, CLIENT_OF_MODEL], &[]),
        Features::All | Features::Only(_) => (&[STORES], &["rmcp", "reqwest"]),
    };
    Walk {
        member: "layercake-harness",
        features,
        bans,
        needs,
    }
}

const fn context(features: Features) -> Walk {
    Walk {
        member: "layercake-context",
        features,
        bans: &[RUNTIMES, CLIENTS, CHANCE, CLOCKS],
        needs: &["redb"],
    }
}

impl Walk {
    /// What the graph of this member has that it must not have, and the other way round.
    pub(super) fn check(&self, graph: &Graph) -> Vec<String> {
        let banned = self.bans.iter().copied().flatten().filter_map(|ban| {
            let path = graph.path(self.member, ban.name, ban.except_through)?;
            let path = path.join(" → ");
            Some(self.complain(&format!("must never reach {}: {path}", ban.name)))
        });
        let missing = self
            .needs
            .iter()
            .filter(|name| graph.path(self.member, name, None).is_none())
            .map(|name| self.complain(&format!("may reach {name} but does not: take it out")));
        banned.chain(missing).collect()
    }

    fn complain(&self, what: &str) -> String {
        format!("{} {} {what}", self.member, self.features.words())
    }
}

/// Asks cargo for the graph of one member: normal edges on this machine's platform, without
/// what only macros use while compiling.
pub(super) fn resolve(walk: &Walk) -> Result<Graph> {
    let mut arguments = vec!["tree", "--locked", "--prefix", "depth"];
    arguments.extend(["--edges", "normal,no-proc-macro", "--package", walk.member]);
    arguments.extend(walk.features.arguments());
    Graph::read(&super::cargo(&arguments)?)
}
