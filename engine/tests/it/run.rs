//! The run machine, from outside: inputs in, records out.

mod branches;
mod calls;
mod contracts;
mod control;
mod dataflow;
mod events;
mod examples;
mod extensions;
mod failure;
mod journals;
pub(crate) mod kit;
mod migration;
mod model;
mod order;
mod people;
mod processes;
mod replay;
mod revival;
mod schedules;
mod secrets;
mod spread;
mod time;
mod trial;
