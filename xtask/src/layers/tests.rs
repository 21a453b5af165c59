//! The repository against its tables, and proof that each table can fail.

use super::edges::{Edges, Kind, compare};
use super::graph::Graph;
use super::reach::WALKS;

#[test]
fn this_repository_keeps_its_layers() {
    let complaints = super::complaints().expect("cargo answers");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Edges exactly as the table allows them, changed by one hand.
fn edges_with(change: impl FnOnce(&mut Edges)) -> Vec<String> {
    let siblings = |names: &[&str]| {
        let named = names
            .iter()
            .map(|name| (format!("layercake-{name}"), Kind::Normal));
        named.collect()
    };
    let mut edges = Edges::from([
        ("layercake-model".to_owned(), siblings(&[])),
        ("layercake-harness".to_owned(), siblings(&["model"])),
        ("layercake-engine".to_owned(), siblings(&[])),
        ("layercake-context".to_owned(), siblings(&[])),
        (
            "layercake".to_owned(),
            siblings(&["model", "harness", "engine", "context"]),
        ),
        ("xtask".to_owned(), siblings(&[])),
    ]);
    change(&mut edges);
    compare(&edges)
}

fn add(edges: &mut Edges, from: &str, to: &str, kind: Kind) {
    edges
        .entry(from.to_owned())
        .or_default()
        .insert((to.to_owned(), kind));
}

#[test]
fn allowed_edges_pass() {
    assert!(edges_with(|_| ()).is_empty());
    let also_in_tests =
        |edges: &mut Edges| add(edges, "layercake-harness", "layercake-model", Kind::Dev);
    assert!(edges_with(also_in_tests).is_empty());
}

#[test]
fn forbidden_edges_of_every_kind_are_named() {
    for (kind, word) in [
        (Kind::Normal, "normal"),
        (Kind::Dev, "dev"),
        (Kind::Build, "build"),
    ] {
        let complaints =
            edges_with(|edges| add(edges, "layercake-engine", "layercake-model", kind));
        assert_eq!(
            complaints,
            [format!(
                "layercake-engine may not know layercake-model ({word} edge)"
            )]
        );
    }
    let complaints = edges_with(|edges| add(edges, "layercake", "xtask", Kind::Dev));
    assert_eq!(complaints, ["layercake may not know xtask (dev edge)"]);
}

#[test]
fn unused_permissions_and_strangers_are_named() {
    let complaints = edges_with(|edges| {
        edges.insert("layercake-harness".to_owned(), [].into());
        edges.insert("layercake-types".to_owned(), [].into());
        edges.remove("xtask");
    });
    assert_eq!(
        complaints,
        [
            "layercake-types is not in the table of layers",
            "layercake-harness may know layercake-model but does not use it: take it out",
            "xtask is in the table of layers but not here",
        ]
    );
}

/// What the first walk of a member under a set of features, named in words, says of a tree.
fn check_walk(member: &str, features: &str, tree: &str) -> Vec<String> {
    let graph = Graph::read(tree).expect("the tree is well formed");
    let walk = WALKS
        .iter()
        .find(|walk| walk.member == member && format!("{:?}", walk.features) == features)
        .expect("the walk is in the table");
    walk.check(&graph)
}

#[test]
fn a_ban_is_found_at_any_depth() {
    let tree = "0layercake-model v0.1.0 (model)\n1serde v1\n1cache v1\n2serde v1 (*)\n2redb v4\n";
    assert_eq!(
        check_walk("layercake-model", "None", tree),
        ["layercake-model without features must never reach redb: layercake-model → cache → redb"]
    );
}

#[test]
fn a_crate_may_be_reached_only_through_its_owner() {
    let through = "0layercake-harness v0.1.0\n1layercake-model v0.1.0\n2reqwest v0.13\n1tokio v1\n";
    assert!(check_walk("layercake-harness", "None", through).is_empty());
    let around = "0layercake-harness v0.1.0\n1layercake-model v0.1.0\n2reqwest v0.13\n1mcp v1\n2reqwest v0.13 (*)\n";
    assert_eq!(
        check_walk("layercake-harness", "None", around),
        [
            "layercake-harness without features must never reach reqwest: layercake-harness → mcp → reqwest"
        ]
    );
}

#[test]
fn the_engine_is_pure_until_a_feature_says_otherwise() {
    let pure = "0layercake-engine v0.1.0\n1redb v4\n1petgraph v0.8\n1jaq-std v3\n2jiff v0.2\n";
    assert!(check_walk("layercake-engine", "None", pure).is_empty());

    let clock = "0layercake-engine v0.1.0\n1redb v4\n1petgraph v0.8\n1jaq-std v3\n2jiff v0.2\n1jiff v0.2 (*)\n";
    assert_eq!(
        check_walk("layercake-engine", "None", clock),
        ["layercake-engine without features must never reach jiff: layercake-engine → jiff"]
    );
    assert_eq!(
        check_walk("layercake-engine", "Only(\"runtime\")", pure),
        [
            "layercake-engine with the feature `runtime` alone may reach tokio but does not: take it out"
        ]
    );
}

#[test]
fn a_tree_in_another_form_is_refused() {
    assert!(Graph::read("layercake-model v0.1.0").is_err());
}
