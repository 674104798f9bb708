//! Formats and decisions of the HA protocol, pure.
