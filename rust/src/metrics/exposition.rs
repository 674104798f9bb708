//! Prometheus' text format, version 0.0.4.

use std::fmt::Write as _;

use super::PREFIX;
use super::histogram::Reading;

/// The text, written family by family.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    family: String,
}

impl Exposition {
    /// Begins a counter; its name ends with `_total`.
    pub fn counter(&mut self, name: &str, help: &str) -> &mut Self {
        self.begin(name, "counter", help)
    }

    /// Begins a gauge.
    pub fn gauge(&mut self, name: &str, help: &str) -> &mut Self {
        self.begin(name, "gauge", help)
    }

    /// Begins a histogram of times; its name ends with `_seconds`.
    pub fn histogram(&mut self, name: &str, help: &str) -> &mut Self {
        self.begin(name, "histogram", help)
    }

    /// A value of the family that was begun last.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.line("", labels, value)
    }

    pub(super) fn count(&mut self, labels: &[(&str, &str)], value: u64) -> &mut Self {
        self.line("", labels, exact(value))
    }

    pub(super) fn times(&mut self, labels: &[(&str, &str)], reading: &Reading) -> &mut Self {
        let bounds = reading.buckets.iter().map(|(bound, count)| (bound.to_string(), *count));
        for (bound, count) in bounds.chain([("+Inf".to_owned(), reading.count)]) {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.line("_bucket", &labels, exact(count));
        }
        self.line("_sum", labels, reading.sum);
        self.line("_count", labels, exact(reading.count))
    }

    /// Everything that was written.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    // Writing to a string cannot fail, here and below.
    fn begin(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        self.family = format!("{PREFIX}{name}");
        let _ = writeln!(
            self.text,
            "# HELP {} {}",
            self.family,
            help.replace('\\', "\\\\").replace('\n', "\\n")
        );
        let _ = writeln!(self.text, "# TYPE {} {kind}", self.family);
        self
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        let _ = write!(self.text, "{}{suffix}", self.family);
        for (index, (name, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{before}{name}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
        self
    }
}

/// Prometheus' numbers are floating-point ones: from 2^53 on a count is no longer exact, which no counter here reaches.
#[expect(clippy::cast_precision_loss)]
pub(super) const fn exact(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_format() {
        let mut text = Exposition::default();
        text.counter("things_total", "Things.\nMore.")
            .sample(&[("a", "x\"y\\"), ("b", "z")], 3.0);
        text.gauge("share_ratio", "A share.").sample(&[], 0.25);
        assert_eq!(
            text.into_text(),
            "# HELP flink_kube_ha_things_total Things.\\nMore.\n\
             # TYPE flink_kube_ha_things_total counter\n\
             flink_kube_ha_things_total{a=\"x\\\"y\\\\\",b=\"z\"} 3\n\
             # HELP flink_kube_ha_share_ratio A share.\n\
             # TYPE flink_kube_ha_share_ratio gauge\n\
             flink_kube_ha_share_ratio 0.25\n"
        );
    }
}
