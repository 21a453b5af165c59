//! What the context promises, property by property, each test under its number. Property 12,
//! the audit trail, is in `merkle.rs` and `tampering.rs` as well.

mod p01_p02_as_of;
mod p03_rebuild;
mod p04_crash;
mod p05_serial;
mod p06_intervals;
mod p07_merges;
mod p08_bans;
mod p09_scopes;
mod p10_trust;
mod p11_erasure;
mod p12_audit;
mod p13_feed;
mod p14_budget;
mod p15_round_trip;
mod p16_replay;
