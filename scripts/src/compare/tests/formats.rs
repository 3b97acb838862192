//! The pages are well formed, and say what was found.

use std::fs;

use shared::run::Record;

use super::{
    planted::{rules, set},
    synthetic,
};
use crate::compare::{
    html, markdown, open_metrics, page,
    records::RecordSet,
    report::{Report, Rules},
    spread::Spreads,
};

/// A run with three metrics, one of which gets worse, one better and one neither.
fn small() -> (RecordSet, RecordSet) {
    let records = |seeds: [u64; 3], change: [f64; 3]| -> Vec<Record> {
        let make = |seed| {
            let mut record = synthetic::record(seed);
            record.metrics.retain(|name, _| ["kl", "nll", "probe_knn_all"].contains(&&**name));
            for (metric, change) in record.metrics.values_mut().zip(change) {
                metric.value *= 1.0 + change + 1e-3 * (seed % 3) as f64;
            }
            record
        };
        seeds.map(make).into()
    };
    (set(&records([1, 2, 3], [0.0; 3])), set(&records([4, 5, 6], [0.0, 0.5, 0.02])))
}

fn golden() -> Vec<crate::compare::document::Block> {
    let (base, new) = small();
    let rules = Rules { confidence: 0.99, ..rules() };
    let mut report = Report::of(&base, Some(&new), &Spreads::of(&base), &rules);
    (report.base, report.new) = ("results".into(), Some("runs".into()));
    page::page(&report, &base, Some(&new))
}

#[test]
fn markdown_says_what_was_found() {
    let expected = include_str!("golden.md");
    let found = markdown::render(&golden());
    assert_eq!(found, expected, "compare with scripts/src/compare/tests/golden.md:\n{found}");
}

#[test]
fn whatever_stands_in_a_record_breaks_no_format() {
    let (_, mut new) = small();
    let hostile = "a|b<script>\"&amp;\\ \n`c`";
    for found in new.runs.values_mut().flatten() {
        found.record.data.name = hostile.into();
        let metric = found.record.metrics.remove("kl").unwrap();
        found.record.metrics.insert(hostile.into(), metric);
    }
    let report = Report::of(&new, None, &Spreads::of(&new), &rules());
    let page = page::page(&report, &new, None);
    let markdown = markdown::render(&page);
    for line in markdown.lines().filter(|line| line.starts_with('|')) {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(bars, 8, "{line}");
    }
    assert!(!markdown.contains("<script>"));
    check_html(&html::render(&page).unwrap());
    check_open_metrics(&open_metrics::render(&report));
}

#[test]
fn html_needs_no_other_file_and_shows_pictures_side_by_side() {
    let [base, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for (folder, picture) in [(&base, "old"), (&new, "young")] {
        synthetic::write(folder.path(), &[synthetic::record(1)]);
        fs::write(folder.path().join("seed1/vae/quick/loss.png"), picture).unwrap();
    }
    let [base, new] = [&base, &new].map(|folder| RecordSet::read(folder.path()).unwrap());
    let report = Report::of(&base, Some(&new), &Spreads::of(&base), &rules());
    let html = html::render(&page::page(&report, &base, Some(&new))).unwrap();
    check_html(&html);
    // "old" and "young" in base64.
    let [old, young] = ["b2xk", "eW91bmc="].map(|text| {
        html.find(&format!("src=\"data:image/png;base64,{text}\"")).expect("no picture")
    });
    assert!(old < young);
}

#[test]
fn pictures_that_are_kept_belong_to_the_run_with_the_longest_name() {
    let folder = tempfile::tempdir().unwrap();
    let [results, pictures] = ["results/vae", "docs/pictures"].map(|name| folder.path().join(name));
    fs::create_dir_all(&results).unwrap();
    fs::create_dir_all(&pictures).unwrap();
    for name in ["rot", "rot-none"] {
        let record = Record { name: name.into(), ..synthetic::record(1) };
        let text = serde_json::to_string(&record).unwrap();
        fs::write(results.join(format!("{name}-seed1.json")), text).unwrap();
        fs::write(pictures.join(format!("vae-{name}-loss.png")), name).unwrap();
    }
    let set = RecordSet::read(&results).unwrap();
    let titles = set.runs.keys().map(|run| {
        let pairs = crate::compare::pictures::pairs(run, &set, None);
        pairs.into_iter().map(|pair| pair.title).collect::<Vec<_>>()
    });
    assert_eq!(titles.collect::<Vec<_>>(), [["loss"], ["loss"]]);
}

#[test]
fn open_metrics_are_lines_of_its_grammar() {
    let (base, new) = small();
    let text = open_metrics::render(&Report::of(&base, Some(&new), &Spreads::of(&base), &rules()));
    check_open_metrics(&text);
    assert!(text.contains("autoencoder_metric_regression{set=\"new\",paper=\"vae\",run=\"quick\",metric=\"nll\",unit=\"nats\"} 1\n"), "{text}");
}

/// Tags are closed in the order they were opened, text holds no loose `<` or `&`, and nothing is loaded.
fn check_html(html: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!DOCTYPE"];
    let mut open = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        check_entities(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag without an end");
        let tag = &rest[start + 1..end];
        let name = tag.split_whitespace().next().expect("a tag without a name");
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in another order");
        } else if !VOID.contains(&name) {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, [""; 0], "left open");
    for source in html.split("src=\"").skip(1) {
        assert!(source.starts_with("data:"), "loads {source:.60}");
    }
    assert!(!html.contains("<link") && !html.contains("<script"));
}

fn check_entities(text: &str) {
    for after in text.split('&').skip(1) {
        let entity = after.split(';').next().unwrap_or_default();
        assert!(["amp", "lt", "gt", "quot"].contains(&entity), "loose & before {after:.20}");
    }
}

/// The lines of the OpenMetrics text format that we write: metadata before the samples of each
/// family, families not interleaved, no sample twice, `# EOF` last.
fn check_open_metrics(text: &str) {
    let body = text.strip_suffix("# EOF\n").expect("# EOF is not last");
    let mut family = "";
    let (mut families, mut samples) = (Vec::new(), Vec::new());
    for line in body.lines() {
        if let Some(metadata) = line.strip_prefix("# TYPE ") {
            family = metadata.strip_suffix(" gauge").expect(line);
            assert!(family.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            assert!(!families.contains(&family), "{family} twice");
            families.push(family);
        } else if let Some(metadata) = line.strip_prefix("# HELP ") {
            assert!(metadata.starts_with(&format!("{family} ")), "{line}");
        } else {
            let rest = line.strip_prefix(family).and_then(|rest| rest.strip_prefix('{'));
            let value = labels(rest.expect(line)).strip_prefix(' ').expect(line);
            assert!(value.parse::<f64>().expect(line).is_finite(), "{line}");
            let sample = line.strip_suffix(value).unwrap();
            assert!(!samples.contains(&sample), "{line} twice");
            samples.push(sample);
        }
    }
    assert!(!samples.is_empty());
}

/// What follows the labels, up to and with `}`: name="value" with \\, \" and \n alone escaped.
fn labels(mut rest: &str) -> &str {
    loop {
        let (name, value) = rest.split_once("=\"").expect(rest);
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next().expect("a label without an end") {
                (at, '"') => break at,
                (_, '\\') => {
                    let (_, escaped) = characters.next().expect("a lone backslash");
                    assert!(['\\', '"', 'n'].contains(&escaped), "\\{escaped}");
                }
                _ => {}
            }
        };
        match value[end + 1..].split_at(1) {
            (",", next) => rest = next,
            ("}", after) => return after,
            (other, _) => panic!("{other} after a label"),
        }
    }
}
