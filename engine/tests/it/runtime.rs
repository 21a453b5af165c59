//! The embedded runtime: runs on a journal, through crashes, with a clock that tests move.

mod basics;
mod children;
mod control;
mod events;
mod queue;
mod recovery;
mod retry;
mod storage;
mod time;
mod trouble;
mod workshop;
