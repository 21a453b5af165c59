//! Another line of the same story, and files back to what they were.

use std::sync::Arc;

use layercake_harness::image::FileImages;
use layercake_harness::rewind::rewind_files;
use layercake_harness::session::{FolderSessions, SessionEvent, SessionStore};
use layercake_harness::tool::{Edit, Write};
use layercake_harness::{AgentOutcome, HarnessError, SessionId, Workspace};
use serde_json::json;

use crate::support::{World, calls, session, text};

fn other() -> SessionId {
    SessionId::new("other").unwrap()
}

/// Returns the position of the first record of a kind.
async fn first(world: &World, kind: &str) -> u64 {
    let kinds = world.kinds().await;
    kinds.iter().position(|it| it == kind).unwrap() as u64 + 1
}

#[tokio::test]
async fn a_fork_goes_on_from_any_record_and_leaves_the_parent_alone() {
    let lines = vec![
        calls(&[
            ("look", json!({"what": "x"})),
            ("put", json!({"what": "box"})),
        ]),
        calls(&[("pay", json!({"what": "rent"}))]),
        text("done"),
    ];
    let world = World::new(lines);
    world.run().await.unwrap();
    let before = world.store.load(&session()).await.unwrap();
    for seq in 1..=before.len() as u64 {
        let fork = SessionId::new(format!("fork-{seq}")).unwrap();
        let agent = world.agent();
        agent.fork(&session(), seq, &fork).await.unwrap();
        let report = agent.run(&fork, &world.spec).await.unwrap();
        assert!(
            matches!(report.outcome, AgentOutcome::Finished { .. }),
            "{seq}: {report:?}"
        );
        let own = world.store.load(&fork).await.unwrap();
        assert_eq!(own[0].kind, "forked", "nothing is copied");
        // Opening it again follows the parent pointer once more.
        assert_eq!(agent.run(&fork, &world.spec).await.unwrap(), report);
    }
    assert_eq!(world.store.load(&session()).await.unwrap(), before);
}

#[tokio::test]
async fn a_call_that_the_parent_was_making_is_not_made_again() {
    let world = World::new(vec![
        calls(&[("pay", json!({"what": "rent"}))]),
        text("done"),
    ]);
    world.run().await.unwrap();
    let seq = first(&world, "tool-intended").await;
    let agent = world.agent();
    agent.fork(&session(), seq, &other()).await.unwrap();
    agent.run(&other(), &world.spec).await.unwrap();
    assert_eq!(world.outside.effects.lock().unwrap()["rent"], 1);
    let told = "goes on from before its outcome was recorded";
    assert!(world.last_request().contains(told));
}

#[tokio::test]
async fn a_fork_of_a_fork_opens_and_a_changed_parent_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderSessions::open(folder.path()).unwrap());
    let world =
        World::new(vec![calls(&[("look", json!({"what": "x"}))]), text("done")]).with_store(store);
    world.run().await.unwrap();
    let agent = world.agent();
    let seq = first(&world, "tool-settled").await;
    agent.fork(&session(), seq, &other()).await.unwrap();
    agent.run(&other(), &world.spec).await.unwrap();
    let third = SessionId::new("third").unwrap();
    agent.fork(&other(), 1, &third).await.unwrap();
    agent.run(&third, &world.spec).await.unwrap();

    let log = folder.path().join("s/log.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, text.replacen("the goal", "the gaol", 1)).unwrap();
    let error = agent.run(&third, &world.spec).await.unwrap_err();
    assert!(matches!(error, HarnessError::Record(_)), "{error:?}");
}

#[tokio::test]
async fn a_fork_from_nowhere_or_onto_something_is_refused() {
    let world = World::new(vec![text("done")]);
    world.run().await.unwrap();
    let agent = world.agent();
    for seq in [0, 99] {
        let error = agent.fork(&session(), seq, &other()).await.unwrap_err();
        assert!(matches!(error, HarnessError::NoRecord { .. }), "{error:?}");
    }
    let error = agent.fork(&session(), 1, &session()).await.unwrap_err();
    assert!(matches!(error, HarnessError::Taken { .. }), "{error:?}");
}

/// A world whose agent changes real files, with images of what they were.
fn workshop(
    lines: Vec<crate::support::Say>,
    folder: &std::path::Path,
) -> (World, Workspace, FileImages) {
    let space = folder.join("space");
    std::fs::create_dir_all(&space).unwrap();
    let workspace = Workspace::open(&space).unwrap();
    let images = FileImages::open(folder.join("images")).unwrap();
    let mut world = World::new(lines);
    let deeds = world.toolbox.only(&["pay".to_owned()]).unwrap();
    let write = Write::new(workspace.clone()).with_images(images.clone());
    let edit = Edit::new(workspace.clone()).with_images(images.clone());
    world.toolbox = deeds.with(write).unwrap().with(edit).unwrap();
    (world, workspace, images)
}

#[tokio::test]
async fn files_go_back_to_what_they_were_at_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| ("write", json!({"path": path, "content": content}));
    let lines = vec![
        calls(&[write("old.txt", "two"), write("new/a.txt", "one")]),
        calls(&[(
            "edit",
            json!({"path": "old.txt", "old": "two", "new": "three"}),
        )]),
        calls(&[
            write("touched.txt", "by the agent"),
            ("pay", json!({"what": "rent"})),
        ]),
        text("done"),
    ];
    let (world, workspace, images) = workshop(lines, folder.path());
    let space = folder.path().join("space");
    std::fs::write(space.join("old.txt"), "one").unwrap();
    world.run().await.unwrap();
    std::fs::write(space.join("touched.txt"), "by somebody else").unwrap();

    // After the first turn `old.txt` said two.
    let records = world.store.load(&session()).await.unwrap();
    let settled = records.iter().filter(|record| {
        matches!(record.event().unwrap(), SessionEvent::ToolSettled(settled) if settled.id.turn == 1)
    });
    let seq = settled.map(|record| record.seq).max().unwrap();
    let store: &dyn SessionStore = &*world.store;
    let rewound = rewind_files(store, &session(), seq, &workspace, &images)
        .await
        .unwrap();
    assert_eq!(rewound.restored, ["old.txt"]);
    assert_eq!(
        rewound.conflicts,
        ["touched.txt"],
        "it is somebody else's now"
    );
    assert_eq!(rewound.uncovered, ["pay (unsafe)"]);
    assert_eq!(
        std::fs::read_to_string(space.join("old.txt")).unwrap(),
        "two"
    );

    let rewound = rewind_files(store, &session(), 1, &workspace, &images)
        .await
        .unwrap();
    assert_eq!(rewound.restored, ["new/a.txt"]);
    assert_eq!(rewound.conflicts, ["old.txt", "touched.txt"]);
    assert!(!space.join("new/a.txt").exists(), "it was not there before");
}

#[tokio::test]
async fn a_file_without_an_image_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lines = vec![
        calls(&[("write", json!({"path": "a.txt", "content": "two"}))]),
        text("done"),
    ];
    let (world, workspace, images) = workshop(lines, folder.path());
    let file = folder.path().join("space/a.txt");
    std::fs::write(&file, "one").unwrap();
    world.run().await.unwrap();
    std::fs::remove_dir_all(folder.path().join("images")).unwrap();
    let rewound = rewind_files(&*world.store, &session(), 1, &workspace, &images)
        .await
        .unwrap();
    assert_eq!(rewound.missing, ["a.txt"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
}
