//! The offline tour, as a newcomer takes it.

use crate::world::{Project, names};

#[test]
fn the_tour_ends_well_offline_and_without_a_key() {
    let project = Project::empty();
    let done = project.run(&["demo", "tour", "--yes", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let document = done.json();
    assert_eq!(document["schema"], "layercake.demo/1");
    assert_eq!(document["ok"], true, "{document}");
    assert_eq!(document["applied"], 26, "{document}");
    assert_eq!(document["refused"], 1, "{document}");
    assert_eq!(names(&project.path("tour/outbox")).len(), 26);
    let cost = &document["cost"];
    assert!(cost["by_cause"][0]["usd"].is_string(), "{document}");
    let runs = document["runs"].as_array().unwrap();
    let show = project.run(&[
        "show",
        runs[0].as_str().unwrap(),
        "--store",
        "tour/.layercake",
    ]);
    assert_eq!(show.code, 0, "{show:?}");
}

#[test]
fn the_tour_says_what_happens_in_words() {
    let project = Project::empty();
    let done = project.run(&["demo", "tour", "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    for words in [
        "SIGKILL",
        "applied once each",
        "left 26 messages alone",
        "productive",
        "agent",
    ] {
        assert!(done.out.contains(words), "{words}: {done:?}");
    }
    assert!(done.err.contains("next:"), "{done:?}");
}

#[test]
fn the_tour_writes_over_nothing_and_asks_somebody() {
    let project = Project::empty();
    project.write("tour/mine.txt", "keep");
    project
        .run(&["demo", "tour", "--yes"])
        .check_error(2, "LC1001", &["tour"]);
    project
        .run(&["demo", "other"])
        .check_error(4, "LC0707", &["--yes"]);
}
