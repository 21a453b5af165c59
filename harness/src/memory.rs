//! What an agent knows beyond its session: a small seam, and two keepers of memos.
//!
//! Within a session the log remembers. What is to outlive it goes through [`Memory`].

mod folder;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use folder::FolderMemory;

/// Something that an agent wants to know later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memo {
    /// What.
    pub text: String,
    /// Where it comes from: a session and a call, or whatever the keeper knows.
    pub source: String,
}

/// Keeps memos across sessions. [`check_memory`] checks an implementation.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Keeps a memo, durably when it returns. The same key twice is one memo, the newer.
    ///
    /// # Errors
    ///
    /// Returns [`MemoryError`] when it was not kept.
    async fn remember(&self, key: &str, memo: Memo) -> Result<(), MemoryError>;

    /// Returns the memos that have most to do with some words, the best first.
    ///
    /// # Errors
    ///
    /// Returns [`MemoryError`] when they cannot be read.
    async fn recall(&self, words: &str, most: usize) -> Result<Vec<Memo>, MemoryError>;
}

/// A memory could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the memory did not {action}")]
pub struct MemoryError {
    /// What it was asked to do.
    pub action: String,
    /// Why not.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Keeps memos until it is dropped.
#[derive(Debug, Default)]
pub struct VolatileMemory {
    /// Written by `remember`; no lock is held across an await.
    memos: Mutex<BTreeMap<String, Memo>>,
}

#[async_trait]
impl Memory for VolatileMemory {
    async fn remember(&self, key: &str, memo: Memo) -> Result<(), MemoryError> {
        let mut memos = self.memos.lock().unwrap_or_else(PoisonError::into_inner);
        memos.insert(key.to_owned(), memo);
        Ok(())
    }

    async fn recall(&self, words: &str, most: usize) -> Result<Vec<Memo>, MemoryError> {
        let memos = self.memos.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(best(memos.values().cloned().collect(), words, most))
    }
}

/// Returns the memos that share most words with a question; none that shares no word.
fn best(memos: Vec<Memo>, words: &str, most: usize) -> Vec<Memo> {
    let wanted = words_of(words);
    let mut ranked: Vec<(usize, Memo)> = memos
        .into_iter()
        .map(|memo| {
            let own = words_of(&memo.text);
            let shared = wanted.iter().filter(|word| own.contains(word)).count();
            (shared, memo)
        })
        .filter(|(shared, _)| *shared > 0)
        .collect();
    ranked.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.text.cmp(&other.text)));
    ranked.truncate(most);
    ranked.into_iter().map(|(_, memo)| memo).collect()
}

fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Checks what every [`Memory`] must do. The memory must be empty.
///
/// # Errors
///
/// Returns [`MemoryError`] when it fails, or keeps another promise than this one.
pub async fn check_memory(memory: &dyn Memory) -> Result<(), MemoryError> {
    let memo = |text: &str| Memo {
        text: text.to_owned(),
        source: "the check".to_owned(),
    };
    must(memory.recall("rack", 5).await?.is_empty(), "begin empty")?;
    memory
        .remember("a/1", memo("The rack fits a child seat."))
        .await?;
    memory.remember("b", memo("Ann likes blue.")).await?;
    memory
        .remember("a/1", memo("The rack fits two bags."))
        .await?;
    let found = memory.recall("does the RACK fit?", 5).await?;
    must(
        found == [memo("The rack fits two bags.")],
        "keep the newer memo of a key, and find it by its words",
    )?;
    memory.remember("c", memo("A rack of blue bags.")).await?;
    let found = memory.recall("blue rack bags", 1).await?;
    must(
        found == [memo("A rack of blue bags.")],
        "put the best first",
    )?;
    must(
        memory.recall("zebra", 5).await?.is_empty(),
        "find nothing else",
    )
}

fn must(holds: bool, rule: &str) -> Result<(), MemoryError> {
    if holds {
        return Ok(());
    }
    Err(MemoryError {
        action: rule.to_owned(),
        source: "the memory breaks its contract".into(),
    })
}
