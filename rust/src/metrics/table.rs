//! A counter for each pair of labels, of which all are known before.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters in rows and columns. What is in neither is not counted; the callers' labels always are.
#[derive(Debug)]
pub(super) struct Table {
    rows: &'static [&'static str],
    columns: &'static [&'static str],
    counters: Vec<AtomicU64>,
}

impl Table {
    pub(super) fn new(rows: &'static [&'static str], columns: &'static [&'static str]) -> Self {
        let size = rows.len() * columns.len();
        Self {
            rows,
            columns,
            counters: (0..size).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(super) fn add(&self, row: &str, column: &str) {
        let place = |of: &[&str], label| of.iter().position(|known| *known == label);
        let counter = place(self.rows, row).zip(place(self.columns, column));
        let counter = counter.and_then(|(row, column)| self.counters.get(row * self.columns.len() + column));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Row, column and count of everything, also of what has not happened.
    pub(super) fn read(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let labels = self
            .rows
            .iter()
            .flat_map(|row| self.columns.iter().map(move |column| (*row, *column)));
        let counts = self.counters.iter().map(|counter| counter.load(Ordering::Relaxed));
        labels.zip(counts).map(|((row, column), count)| (row, column, count))
    }
}
