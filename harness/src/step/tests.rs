//! Tables of the loop.
