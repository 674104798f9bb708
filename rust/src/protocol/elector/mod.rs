//! The elector.
