//! Every session store keeps the same contract.

use std::sync::Arc;

use layercake_harness::session::{
    FolderSessions, MemorySessions, SessionStore, StoreError, check_session_store,
};

use crate::support::{World, session, text};

#[tokio::test]
async fn memory_keeps_the_contract() {
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    let checked = check_session_store(|| Arc::clone(&store)).await;
    assert!(checked.is_ok(), "{checked:?}");
}

#[tokio::test]
async fn folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let checked = check_session_store(|| -> Arc<dyn SessionStore> {
        Arc::new(FolderSessions::open(folder.path()).unwrap())
    })
    .await;
    assert!(checked.is_ok(), "{checked:?}");
}

/// Reads a log without the room behind it.
fn written(log: &std::path::Path) -> Vec<u8> {
    let mut bytes = std::fs::read(log).unwrap();
    while bytes.ends_with(b"\n\n") {
        bytes.pop();
    }
    bytes
}

/// A power cut in the middle of a write leaves a line without its end.
#[tokio::test]
async fn a_torn_last_write_is_as_if_it_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderSessions::open(folder.path()).unwrap());
    let world = World::new(vec![text("done")]).with_store(store);
    world.run().await.unwrap();
    let log = folder.path().join("s/log.jsonl");
    let whole = written(&log);
    let last_line = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let torn_in_room = [
        &whole[..last_line + 9],
        b"\n\n\n",
        &whole[whole.len() - 9..],
        b"\n\n",
    ];
    let cuts = [last_line, last_line + 1, whole.len() - 1].map(|cut| whole[..cut].to_vec());
    for torn_log in cuts.into_iter().chain([torn_in_room.concat()]) {
        std::fs::write(&log, &torn_log).unwrap();
        let store = FolderSessions::open(folder.path()).unwrap();
        let torn = store.load(&session()).await.unwrap();
        let fence = store.claim(&session()).await.unwrap();
        assert_eq!(store.load(&session()).await.unwrap(), torn);
        std::fs::write(&log, &whole).unwrap();
        let all = store.load(&session()).await.unwrap();
        std::fs::write(&log, &torn_log).unwrap();
        store
            .append(&session(), fence, &all[torn.len()..])
            .await
            .unwrap();
        assert_eq!(written(&log), whole);
    }
}

#[tokio::test]
async fn damage_in_the_middle_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderSessions::open(folder.path()).unwrap());
    let world = World::new(vec![text("done")]).with_store(store.clone());
    world.run().await.unwrap();
    let log = folder.path().join("s/log.jsonl");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[5] = b'#';
    std::fs::write(&log, bytes).unwrap();
    assert!(matches!(
        store.load(&session()).await,
        Err(StoreError::Corrupt { .. })
    ));
}

/// Somebody edits the goal in the log: the chain of hashes tells.
#[tokio::test]
async fn a_changed_record_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderSessions::open(folder.path()).unwrap());
    let world = World::new(vec![text("done")]).with_store(store);
    world.run().await.unwrap();
    let log = folder.path().join("s/log.jsonl");
    let changed = std::fs::read_to_string(&log)
        .unwrap()
        .replacen("the goal", "the gaol", 1);
    std::fs::write(&log, changed).unwrap();
    let error = world.run().await.unwrap_err();
    assert!(error.to_string().contains("log cannot be read"), "{error}");
}
