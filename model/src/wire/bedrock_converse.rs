//! The dialect Converse of Amazon Bedrock, which hides the models of many makers.
//!
//! Source: the interface reference of the Bedrock runtime (Converse, ConverseStream).

mod content;
mod decode;
mod encode;

pub(super) use decode::ConverseFrames;
pub(super) use encode::build;

pub(super) const NAME: &str = "bedrock-converse";
