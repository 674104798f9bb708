//! What is printed: tables for people, JSON and YAML for programs.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::arguments::Format;
use crate::failure::Failure;
use crate::findings::{Finding, Level};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = Style::new().fg_color(Some(clap::builder::styling::Color::Ansi(AnsiColor::Green)));
pub(crate) const ODD: Style = Style::new().fg_color(Some(clap::builder::styling::Color::Ansi(AnsiColor::Yellow)));
pub(crate) const BAD: Style = Style::new().fg_color(Some(clap::builder::styling::Color::Ansi(AnsiColor::Red)));

/// What a command has to say.
pub(crate) trait Report: Serialize {
    /// For people; escape sequences are taken out where they are not wanted.
    fn tell(&self, page: &mut String);
}

/// Prints a report.
pub(crate) fn print(report: &impl Report, format: Format) -> Result<(), Failure> {
    let text = match format {
        Format::Table => {
            let mut page = String::new();
            report.tell(&mut page);
            page
        }
        Format::Json => serde_json::to_string_pretty(report)
            .map(|text| text + "\n")
            .map_err(|error| Failure::new(format!("The report could not be written as JSON: {error}.")))?,
        Format::Yaml => serde_saphyr::to_string(report)
            .map_err(|error| Failure::new(format!("The report could not be written as YAML: {error}.")))?,
    };
    write_out(text.as_bytes())
}

/// To standard output, with colour where it is a terminal. Whoever stops reading wants no more.
pub(crate) fn write_out(text: &[u8]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("Standard output cannot be written: {error}.")))
        }
        _ => Ok(()),
    }
}

/// A cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

pub(crate) fn cell(text: impl Into<String>) -> Cell {
    styled(text, PLAIN)
}

pub(crate) fn styled(text: impl Into<String>, style: Style) -> Cell {
    Cell {
        text: text.into(),
        style,
    }
}

/// Columns as wide as their widest cell, the last as wide as it likes.
pub(crate) fn table(page: &mut String, heads: &[&str], rows: &[Vec<Cell>]) {
    let heads: Vec<Cell> = heads.iter().map(|head| styled(*head, BOLD)).collect();
    let mut widths = vec![0; heads.len()];
    for row in std::iter::once(&heads).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.text.chars().count().max(*width);
        }
    }
    for row in std::iter::once(&heads).chain(rows) {
        let last = row.len().saturating_sub(1);
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let Cell { text, style } = cell;
            let _ = write!(page, "{style}{text}{style:#}");
            if index < last {
                let padding = width - text.chars().count() + 2;
                let _ = write!(page, "{:padding$}", "");
            }
        }
        page.push('\n');
    }
}

/// One line for what it is, one for what to do.
pub(crate) fn findings(page: &mut String, findings: &[Finding]) {
    for finding in findings {
        let style = match finding.level {
            Level::Error => BAD,
            Level::Warning => ODD,
            Level::Note => FAINT,
        };
        let level = finding.level;
        let _ = write!(page, "{style}{level}:{style:#} {}", finding.place);
        if let Some(key) = &finding.key {
            let _ = write!(page, " {key}");
        }
        let _ = writeln!(page, ": {}.", finding.what);
        let _ = writeln!(page, "  {FAINT}→ {}.{FAINT:#}", finding.remedy);
    }
}
