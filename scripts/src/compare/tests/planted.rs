//! Planted faults are found and named in every trial, and seeds alone in none.

use shared::run::Record;

use super::synthetic;
use crate::compare::{
    CONFIDENCE,
    records::{RecordSet, RunKey},
    report::{Report, Rules, Verdict},
    spread::Spreads,
};

const TRIALS: u64 = 20;

pub(super) fn set(records: &[Record]) -> RecordSet {
    let mut set = RecordSet::default();
    for found in synthetic::found(records) {
        let key = RunKey { paper: found.record.paper.clone(), name: found.record.name.clone() };
        set.runs.entry(key).or_default().push(found);
    }
    set
}

pub(super) fn rules() -> Rules {
    Rules { confidence: CONFIDENCE, across_configs: false, judge_speed: false, fewer_seeds: false }
}

/// What fails when `new` is compared with three seeds of base.
fn failures(trial: u64, new: &[Record]) -> Vec<String> {
    let base = set(&synthetic::seeds(1..=3, trial));
    Report::of(&base, Some(&set(new)), &Spreads::of(&base), &rules()).failures()
}

/// Three new seeds, changed.
fn changed(trial: u64, change: impl Fn(&mut Record)) -> Vec<Record> {
    let mut new = synthetic::seeds(4..=6, trial);
    new.iter_mut().for_each(change);
    new
}

#[test]
fn seeds_alone_are_no_regression() {
    for trial in 0..TRIALS {
        let same = changed(trial, |_| {});
        assert_eq!(failures(trial, &same), [""; 0], "trial {trial}");
    }
}

#[test]
fn seeds_alone_are_told_apart_as_rarely_as_promised() {
    let failed = |confidence: f64| {
        let rules = Rules { confidence, ..rules() };
        let failed = (0..1000).filter(|trial| {
            let base = set(&synthetic::seeds(1..=3, *trial));
            let new = set(&synthetic::seeds(4..=6, *trial));
            let report = Report::of(&base, Some(&new), &Spreads::of(&base), &rules);
            report.with(Verdict::Regression).count() > 0
        });
        failed.count()
    };
    // At 90%, of 1000 comparisons up to 100 may fail; a tolerance of half the width would fail in most.
    let often = failed(0.9);
    assert!((10..=100).contains(&often), "{often}");
    // Three seeds and no other run to learn from: more than promised, but few.
    let rarely = failed(CONFIDENCE);
    assert!(rarely <= 40, "{rarely}");
}

#[test]
fn half_the_kl_in_validation_is_named_each_time() {
    for trial in 0..TRIALS {
        let new = changed(trial, |r| synthetic::set_kl_weight_in_validation(r, 0.5));
        let said = failures(trial, &new).join("\n");
        assert!(said.contains("vae quick: the KL weighs 1.000 in training"), "{said}");
        assert!(said.contains("0.500 in validation") && said.contains("(seed 4, 5, 6)"), "{said}");
    }
}

#[test]
fn a_learning_rate_ten_times_too_high_is_named_each_time() {
    for trial in 0..TRIALS {
        // What it does to a VAE: bounds some nats worse, codes hardly.
        let new = changed(trial, |record| {
            for (metric, deviations) in
                [("nll", 25.0), ("negative_elbo", 40.0), ("reconstruction", 60.0)]
            {
                synthetic::worsen(record, metric, deviations);
            }
        });
        let said = failures(trial, &new);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[1].starts_with("regression: vae quick, nll: 93."), "{said:?}");
        let [change, tolerance] = ["+5.", "where ±"].map(|part| said[1].contains(part));
        assert!(change && tolerance, "{said:?}");
    }
}

#[test]
fn a_wrong_split_is_named_each_time_and_nothing_is_judged_on_it() {
    for trial in 0..TRIALS {
        let new = changed(trial, |record| {
            record.data.train = 40_000;
            synthetic::worsen(record, "nll", 1000.0);
        });
        let said = failures(trial, &new);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("vae quick: wrong split: 40000 training"), "{said:?}");
    }
}

#[test]
fn what_improves_is_no_failure_and_is_listed() {
    let new = changed(0, |record| synthetic::worsen(record, "nll", -40.0));
    let base = set(&synthetic::seeds(1..=3, 0));
    let report = Report::of(&base, Some(&set(&new)), &Spreads::of(&base), &rules());
    assert_eq!(report.failures(), [""; 0]);
    let improved: Vec<&str> =
        report.with(Verdict::Improvement).map(|(_, line)| line.metric.as_str()).collect();
    assert_eq!(improved, ["nll"]);
}

#[test]
fn stale_runs_and_metrics_that_only_describe_are_not_judged() {
    let worse = |record: &mut Record| synthetic::worsen(record, "nll", 40.0);
    let stale = changed(0, |record| {
        worse(record);
        record.config["train"]["rate"] = 0.01.into();
    });
    let said = failures(0, &stale);
    assert!(said.len() == 1 && said[0].starts_with("vae: nothing judged"), "{said:?}");
    assert!(said[0].contains("quick (config train.rate: 0.001 → 0.01)"), "{said:?}");
    // Beside a run that is judged, one that is not is listed alone.
    let beside = |records: Vec<Record>| {
        let mut other = synthetic::seeds(1..=3, 0);
        other.iter_mut().for_each(|record| record.name = "other".into());
        set(&[records, other].concat())
    };
    let [base, new] = [beside(synthetic::seeds(1..=3, 0)), beside(stale.clone())];
    assert_eq!(Report::of(&base, Some(&new), &Spreads::of(&base), &rules()).failures(), [""; 0]);
    let base = set(&synthetic::seeds(1..=3, 0));
    let across = Rules { across_configs: true, ..rules() };
    let report = Report::of(&base, Some(&set(&stale)), &Spreads::of(&base), &across);
    assert_eq!(report.with(Verdict::Regression).count(), 1);
    assert!(!report.runs[0].stale.is_empty());

    let other = changed(0, |record| synthetic::worsen(record, "active_units", 1000.0));
    assert_eq!(failures(0, &other), [""; 0]);
}

#[test]
fn speed_is_judged_only_if_asked() {
    let slow = |rate: f64, mut records: Vec<Record>| {
        for record in &mut records {
            record.machine.examples_per_second = Some(rate + 10.0 * record.seed as f64);
        }
        set(&records)
    };
    let base = slow(36_000.0, synthetic::seeds(1..=3, 0));
    let new = slow(3_600.0, synthetic::seeds(1..=3, 0));
    let of = |judge_speed| {
        Report::of(&base, Some(&new), &Spreads::of(&base), &Rules { judge_speed, ..rules() })
    };
    assert_eq!(of(false).failures(), [""; 0]);
    assert!(of(true).failures()[0].contains("examples_per_second"));
}

#[test]
fn a_metric_is_judged_whatever_its_description_and_the_version_of_the_code() {
    let new = changed(0, |record| {
        synthetic::worsen(record, "nll", 40.0);
        record.code = "0.2.0".into();
        if let Some(nll) = record.metrics.get_mut("nll") {
            nll.about = "said in other words".into();
        }
    });
    let said = failures(0, &new);
    assert!(said.len() == 1 && said[0].starts_with("regression: vae quick, nll"), "{said:?}");
    let base = set(&synthetic::seeds(1..=3, 0));
    let notes = &Report::of(&base, Some(&set(&new)), &Spreads::of(&base), &rules()).runs[0].notes;
    assert!(notes.iter().any(|note| note == "code version: 0.1.0 → 0.2.0"), "{notes:?}");
    assert!(notes.iter().any(|note| note.ends_with("→ said in other words")), "{notes:?}");
}

#[test]
fn a_metric_that_becomes_another_quantity_fails() {
    let new = changed(0, |record| {
        if let Some(nll) = record.metrics.get_mut("nll") {
            nll.unit = "bits".into();
        }
    });
    let expected =
        "vae quick: nll has become another quantity, which is not judged: nats ↓ → bits ↓";
    assert_eq!(failures(0, &new), [expected]);
}
