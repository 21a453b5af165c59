//! The run machine, from outside: inputs in, records out.

mod branches;
mod calls;
mod control;
mod dataflow;
mod events;
mod failure;
mod kit;
mod model;
mod order;
mod people;
mod replay;
mod spread;
mod time;
mod trial;
