//! The harness's own contract, kept by the journal.

use std::sync::Arc;

use layercake_engine::journal::MemoryJournal;
use layercake_engine::runtime::{Engine, EngineOptions};
use layercake_engine::{Catalog, Functions};
use layercake_harness::session::{SessionStore, check_session_store};

use super::JournalSessions;

#[tokio::test]
async fn the_journal_keeps_sessions_as_the_contract_says() {
    let engine = Engine::open(
        Arc::new(MemoryJournal::new()),
        Arc::new(Functions::new()),
        Catalog::standard(),
        EngineOptions::standard(),
    )
    .unwrap();
    let sessions: Arc<dyn SessionStore> = Arc::new(JournalSessions::new(engine));
    check_session_store(|| Arc::clone(&sessions)).await.unwrap();
}
