//! Which files are records, and what is said of the others.

use std::{fs, path::Path};

use super::synthetic;
use crate::compare::{Args, records::RecordSet, run};

fn args(base: &Path, new: Option<&Path>, out: &Path) -> Args {
    Args {
        base: base.into(),
        new: new.map(Into::into),
        only: Vec::new(),
        out: Some(out.into()),
        across_configs: false,
        judge_speed: false,
        confidence: 0.999,
    }
}

#[test]
fn records_are_found_below_and_other_json_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path(), &synthetic::seeds(1..=3, 0));
    fs::write(folder.path().join("frontier.json"), "{\"data\": \"adult\"}").unwrap();
    fs::write(folder.path().join("list.json"), "[1, 2]").unwrap();
    let set = RecordSet::read(folder.path()).unwrap();
    assert_eq!(set.runs.len(), 1);
    assert_eq!(set.runs.values().next().unwrap().len(), 3);
    assert_eq!(set.damaged, [""; 0]);
}

#[test]
fn a_damaged_record_is_named_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let records = synthetic::seeds(1..=3, 0);
    synthetic::write(folder.path(), &records);
    let file = folder.path().join("seed2/vae/quick/record.json");
    let whole = fs::read_to_string(&file).unwrap();
    for damaged in [&whole[..whole.len() / 2], "", &whole.replace("\"seed\": 2,", "")] {
        fs::write(&file, damaged).unwrap();
        let out = tempfile::tempdir().unwrap();
        let said = run(&args(folder.path(), None, out.path())).unwrap_err().to_string();
        assert!(said.contains("seed2/vae/quick/record.json"), "{said}");
        // The others are compared all the same.
        assert!(out.path().join("compare.md").is_file());
    }
}

#[test]
fn two_records_of_one_seed_must_be_equal_but_for_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = synthetic::seeds([1], 0);
    synthetic::write(&folder.path().join("a"), &records);
    records[0].machine.fit_seconds = 1.0;
    synthetic::write(&folder.path().join("b"), &records);
    assert_eq!(RecordSet::read(folder.path()).unwrap().runs.values().next().unwrap().len(), 1);
    synthetic::worsen(&mut records[0], "nll", 1.0);
    synthetic::write(&folder.path().join("b"), &records);
    let said = RecordSet::read(folder.path()).unwrap_err().to_string();
    assert!(said.contains("a/seed1") && said.contains("b/seed1"), "{said}");
}

#[test]
fn mistakes_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let said = |args: &Args| format!("{:#}", run(args).unwrap_err());
    let out = folder.path().join("out");
    let nowhere = folder.path().join("nowhere");
    assert!(said(&args(&nowhere, None, &out)).contains("nowhere"));
    assert!(said(&args(folder.path(), None, &out)).contains("no record"));
    synthetic::write(folder.path(), &synthetic::seeds(1..=2, 0));
    let other = Args { only: vec!["pca".into()], ..args(folder.path(), None, &out) };
    assert!(said(&other).contains("--only pca") && said(&other).contains("vae"));
}

#[test]
fn the_same_records_are_equal_and_those_in_one_set_are_named() {
    let [base, new, out] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut records = synthetic::seeds(1..=3, 0);
    synthetic::write(new.path(), &records);
    records.push(shared::run::Record { name: "paper".into(), ..synthetic::record(1) });
    synthetic::write(base.path(), &records);
    run(&args(base.path(), Some(new.path()), out.path())).unwrap();
    let page = fs::read_to_string(out.path().join("compare.md")).unwrap();
    assert!(page.contains("equal to base, bit for bit"), "{page}");
    assert!(page.contains("## Missing: in base alone\n\n- vae paper\n"), "{page}");
    run(&args(new.path(), Some(base.path()), out.path())).unwrap();
    let page = fs::read_to_string(out.path().join("compare.md")).unwrap();
    assert!(page.contains("## Extra: in new alone\n\n- vae paper\n"), "{page}");
}

#[test]
fn the_records_we_keep_can_be_ranked_and_are_equal_to_themselves() {
    let results = crate::workspace().join("results");
    let out = tempfile::tempdir().unwrap();
    run(&args(&results, None, out.path())).unwrap();
    run(&args(&results, Some(&results), out.path())).unwrap();
}
