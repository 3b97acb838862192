use std::collections::HashSet;

use super::{report, supervise::Outcome, *};

#[test]
fn targets_have_names_of_their_own() {
    let all = targets();
    let names: HashSet<&str> = all.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), all.len());
    assert_eq!(chosen(&[]).unwrap().len(), all.len());
    assert_eq!(chosen(&["csv".into()]).unwrap().len(), 1);
    let error = chosen(&["cvs".into()]).unwrap_err().to_string();
    assert!(error.contains("--target cvs") && error.contains("csv"), "{error}");
}

/// As `shared` tests its own.
#[test]
fn no_input_breaks_our_own_readers() {
    let target = crate::compare::FUZZ;
    let folder = tempfile::tempdir().unwrap();
    let seeds = (target.seeds)();
    let attempt = Attempt::new(&target, &seeds, folder.path());
    for number in 0..400 {
        let found = attempt.with(&target.input(&seeds, 1, number));
        assert!(found.is_ok(), "input {number}: {found:?}");
    }
}

#[test]
fn the_table_counts_inputs_and_names_findings() {
    let mut outcome =
        Outcome { target: "csv", inputs: 1000, accepted: 250, seconds: 2.0, ..Default::default() };
    let key = ("panic".to_owned(), "read.rs:7".to_owned());
    outcome.findings.insert(key, (3, "index out of bounds\nmore".into()));
    let table = report::table(&[outcome]);
    assert!(
        table.contains("csv                      1000        500     25.0 %         1"),
        "{table}"
    );
    assert!(
        table.contains("csv: panic at read.rs:7, 3 times, for instance: index out of bounds\n"),
        "{table}"
    );
}
