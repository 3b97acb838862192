//! Which files are records, and what is said of the others.

use std::{fs, path::Path};

use shared::run::RunFolder;

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
        fewer_seeds: false,
        confidence: 0.995,
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
fn what_a_run_keeps_beside_its_record_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path(), &[synthetic::record(1)]);
    let run = folder.path().join("seed1/vae/quick");
    assert!(run.join("record.json").is_file());
    fs::write(run.join("data.json"), "{\"schema\": 1, \"name\": \"mnist\"}").unwrap();
    // An evaluation on other data, of the same run and seed.
    let mut other = synthetic::record(1);
    synthetic::worsen(&mut other, "nll", 3.0);
    fs::write(run.join("record-other-data.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    let set = RecordSet::read(folder.path()).unwrap();
    assert_eq!((set.runs.values().next().unwrap().len(), set.damaged), (1, Vec::<String>::new()));
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
fn a_record_of_a_run_with_two_settings_is_named_and_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = synthetic::seeds(1..=3, 0);
    records[1].training.as_mut().unwrap().had_other_settings = true;
    synthetic::write(folder.path(), &records);
    let set = RecordSet::read(folder.path()).unwrap();
    assert_eq!(set.runs.values().next().unwrap().len(), 2);
    let [said] = &set.damaged[..] else { panic!("{:?}", set.damaged) };
    assert!(said.contains("was trained in parts"), "{said}");
    assert_eq!(said.matches("seed2/vae/quick/record.json").count(), 1, "{said}");
}

#[test]
fn a_record_that_was_edited_in_its_run_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let run_folder = RunFolder::create(folder.path().join("run"), "", false).unwrap();
    run_folder.write_json("record.json", &synthetic::record(1)).unwrap();
    let out = tempfile::tempdir().unwrap();
    run(&args(folder.path(), None, out.path())).unwrap();
    let file = run_folder.file("record.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"seed\": 1", "\"seed\": 2")).unwrap();
    let said = run(&args(folder.path(), None, out.path())).unwrap_err().to_string();
    assert!(said.contains("not as the run wrote it"), "{said}");
}

#[test]
fn a_record_that_has_lost_a_key_or_is_of_another_schema_is_damaged_whatever_it_is_called() {
    let text = serde_json::to_string(&synthetic::record(1)).unwrap();
    let out = tempfile::tempdir().unwrap();
    for (name, old, new, reason) in [
        ("record.json", "\"schema\":1,", "", "a record without schema"),
        ("vae-quick-seed1.json", "\"schema\":1,", "", "a record without schema"),
        ("mine.json", "\"schema\":1,", "", "a record without schema"),
        ("mine.json", "\"schema\":1,", "\"schema\":2,", "schema 2, and this program reads 1"),
        ("mine.json", "\"schema\":1,", "\"schema\":null,", "schema null"),
        ("mine.json", "\"paper\":\"vae\",", "", "missing field `paper`"),
        ("vae-quick-seed1.json", &text, "[]", "a record without schema"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text.replace(old, new)).unwrap();
        let said = run(&args(folder.path(), None, out.path())).unwrap_err().to_string();
        assert!(said.contains(name) && said.contains(reason), "{name}: {said}");
    }
}

#[test]
fn missing_seeds_and_vanished_metrics_fail_but_for_fewer_seeds_on_purpose() {
    let [base, new, out] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    synthetic::write(base.path(), &synthetic::seeds(1..=3, 0));
    let mut records = synthetic::seeds(1..=1, 0);
    synthetic::write(new.path(), &records);
    let compare = args(base.path(), Some(new.path()), out.path());
    let said = run(&compare).unwrap_err().to_string();
    assert!(said.contains("vae quick: new has 1 of 3 seeds, without 2, 3"), "{said}");
    let page = fs::read_to_string(out.path().join("compare.md")).unwrap();
    assert!(page.contains("## Missing in new\n\n- vae quick: new has 1 of 3 seeds"), "{page}");
    let fewer = Args { fewer_seeds: true, ..compare };
    run(&fewer).unwrap();

    records[0].metrics.remove("nll");
    synthetic::write(new.path(), &records);
    let said = run(&fewer).unwrap_err().to_string();
    assert!(said.contains("vae quick: nll has vanished (seed 1)"), "{said}");
    // Another experiment need not have it.
    records[0].config["train"]["rate"] = 0.01.into();
    synthetic::write(new.path(), &records);
    let said = run(&fewer).unwrap_err().to_string();
    assert!(said.contains("vae: nothing judged") && !said.contains("vanished"), "{said}");
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
fn sets_with_nothing_in_common_are_no_comparison() {
    let [base, new, out] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    synthetic::write(base.path(), &[synthetic::record(1)]);
    let compare = args(base.path(), Some(new.path()), out.path());
    let said = run(&compare).unwrap_err().to_string();
    assert!(
        said.contains("no record in") && said.contains(&new.path().display().to_string()),
        "{said}"
    );

    let mut record = shared::run::Record { name: "mine".into(), ..synthetic::record(1) };
    synthetic::write(new.path(), &[record.clone()]);
    let said = run(&compare).unwrap_err().to_string();
    assert!(
        said.contains("vae: nothing compared") && said.contains("new has mine, base quick"),
        "{said}"
    );
    let page = fs::read_to_string(out.path().join("compare.md")).unwrap();
    assert!(page.contains("## Nothing judged\n\n- vae: nothing compared"), "{page}");

    // A paper that base does not have is new.
    record.paper = "mine".into();
    let new = tempfile::tempdir().unwrap();
    synthetic::write(new.path(), &[record]);
    run(&args(base.path(), Some(new.path()), out.path())).unwrap();
}

#[test]
fn the_records_we_keep_can_be_ranked_and_are_equal_to_themselves() {
    let results = crate::workspace().join("results");
    let out = tempfile::tempdir().unwrap();
    run(&args(&results, None, out.path())).unwrap();
    run(&args(&results, Some(&results), out.path())).unwrap();
}
