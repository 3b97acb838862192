use super::*;

/// Inputs of each target: about a second of an unoptimised build.
const INPUTS: u64 = 400;
/// A day on which all of them pass.
const SEED: u64 = 1;

/// What breaks a law among the first inputs of a target.
fn findings(target: &Target) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let seeds = (target.seeds)();
    let attempt = Attempt::new(target, &seeds, folder.path());
    let broken = |number: u64| {
        let finding = attempt.with(&target.input(&seeds, SEED, number)).err()?;
        Some(format!("{} input {number} of seed {SEED}: {finding}", target.name))
    };
    (0..INPUTS).filter_map(broken).collect()
}

/// A test for each target, so that they run side by side.
macro_rules! no_input_breaks {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            let all = targets();
            let target = all.iter().find(|target| target.name == $name).unwrap();
            let findings = findings(target);
            assert!(findings.is_empty(), "{}", findings.join("\n"));
        })*

        #[test]
        fn every_target_has_its_test() {
            let names: Vec<&str> = targets().iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

no_input_breaks! {
    idx_images: "idx-images",
    idx_labels: "idx-labels",
    amat: "amat",
    dsprites: "dsprites",
    dsprites_array: "dsprites-array",
    snapshot: "snapshot",
    picture: "picture",
    own_array: "own-array",
    own_archive: "own-archive",
    pixels: "pixels",
    strokes: "strokes",
    strokes_pickle: "strokes-pickle",
    midi: "midi",
    mat: "mat",
    jsb: "jsb",
    series_csv: "series-csv",
    series_npz: "series-npz",
    census: "census",
    text_lines: "text",
    schema: "schema",
    csv: "csv",
    csv_blanks: "csv-blanks",
    gzip: "gzip",
    tar: "tar",
    zip: "zip",
    bundle: "bundle",
    bundle_members: "bundle-members",
    config: "config",
    record_json: "record",
    data_json: "data",
    metrics_lines: "metrics",
    safetensors: "safetensors",
    burn_record: "burn-record",
    burn_optimiser: "burn-optimiser",
    checkpoint_model: "checkpoint-model",
    checkpoint_rule: "checkpoint-rule",
    checkpoint_state: "checkpoint-state",
    checkpoint_sums: "checkpoint-sums",
}

#[test]
fn inputs_are_a_function_of_target_seed_and_number() {
    let (a, b) = (targets()[0], targets()[1]);
    let seeds = (a.seeds)();
    assert_eq!(a.input(&seeds, 1, 99), a.input(&seeds, 1, 99));
    assert_ne!(a.input(&seeds, 1, 99), a.input(&seeds, 1, 98));
    assert_ne!(a.input(&seeds, 1, 99), a.input(&seeds, 2, 99));
    assert_ne!(a.input(&seeds, 1, 99), b.input(&seeds, 1, 99));
}

/// Without files that are read there is nothing to change.
#[test]
fn whole_files_are_read() {
    for target in targets() {
        let folder = tempfile::tempdir().unwrap();
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        let attempt = Attempt::new(&target, &seeds, folder.path());
        for (number, _) in seeds.iter().enumerate() {
            let input = target.input(&seeds, 1, number as u64);
            assert_eq!(attempt.with(&input), Ok(true), "{}", target.name);
        }
    }
}
