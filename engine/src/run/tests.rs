//! Tests of the run machine from inside.
