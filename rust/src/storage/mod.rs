//! Metadata objects behind the pointers.
