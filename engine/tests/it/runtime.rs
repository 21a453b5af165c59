//! The embedded runtime: runs on a journal, through crashes, with a clock that tests move.

mod basics;
mod children;
mod control;
mod recovery;
mod storage;
mod time;
mod trouble;
mod workshop;
