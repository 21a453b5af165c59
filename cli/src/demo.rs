//! The parts of the offline tour that are not the product: the other side of the posts, and the
//! workers that are started and killed.

pub(crate) mod endpoint;
pub(crate) mod worker;
