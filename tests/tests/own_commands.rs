//! What a program can do besides the shared commands, end to end, on generated images.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::fs;

use programs::{await_of, program};

fn is_picture(path: &std::path::Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG") && bytes.len() > 1000)
}

#[test]
fn denoising_ae_draws_filters_denoises_and_searches() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let runs = out.to_str().unwrap();
    let program = program("denoising-ae");
    program.train(work.path(), &[]).success();
    let run = out.join("denoising-ae/quick");
    program.on_run("denoise", &run, &["--indices", "0,1", "--fraction", "0.4"]).success();
    assert!(is_picture(&run.join("denoised.png")));
    program.on_run("denoise", &run, &["--fraction", "1.5"]).failure(1, "--fraction");
    program.on_run("denoise", &run, &["--indices", "9999"]).failure(1, "--indices 9999");

    let tiny = ["--data", "segments", "--epochs", "1", "--set", "model.hidden=[16]", "--out", runs];
    let filters: Vec<&str> =
        ["filters", "--fractions", "0,0.25"].iter().chain(&tiny).copied().collect();
    let beyond: Vec<&str> =
        ["filters", "--fractions", "1.5"].iter().chain(&tiny).copied().collect();
    program.call(&beyond).failure(1, "pretraining.corruption.fraction = 1.5");
    let none = [&filters[..], &["--count", "0"]].concat();
    program.call(&none).failure(1, "--count 0: at least 1");
    let said = program.call(&filters).success().err();
    let picture = said.lines().find_map(|line| line.strip_prefix("wrote ")).unwrap();
    assert!(is_picture(std::path::Path::new(picture)), "{said}");
    let to = work.path().join("mine.png");
    let elsewhere = [&filters[..], &["--to", to.to_str().unwrap()]].concat();
    program.call(&elsewhere).success();
    assert!(is_picture(&to));
    program.call(&elsewhere).failure(1, "mine.png exists already");

    let search: Vec<&str> = [
        "search",
        "--fractions",
        "0,0.25",
        "--fine-tuning-rates",
        "0.01,0.001",
        "--set",
        "fine_tuning.epochs=1",
    ]
    .iter()
    .chain(&tiny)
    .copied()
    .collect();
    let first = program.call(&search).success();
    let table = first.out();
    for name in ["nu-0-rate-0.01", "nu-0.25-rate-0.01", "nu-0.25-rate-0.001"] {
        assert!(table.contains(name), "{table}");
    }
    // A rate of its own does not pre-train again, and the same command finds everything done.
    assert_eq!(first.err().matches("pre-training layer").count(), 4, "{}", first.err());
    let layer = |name: &str| {
        let folder = out.join("denoising-ae/search-segments").join(name);
        fs::read(folder.join("checkpoints/layer-1/metrics.jsonl")).unwrap()
    };
    assert_eq!(layer("nu-0.25-rate-0.01"), layer("nu-0.25-rate-0.001"));
    let again = program.call(&search).success();
    assert_eq!(again.out(), table);
    assert!(!again.err().contains("epoch"), "{}", again.err());
    let fraction = [&search[..], &["--set", "pretraining.corruption.fraction=0.5"]].concat();
    program.call(&fraction).failure(1, "without effect, --fractions has the values");
    let weight = [&filters[..], &["--set", "pretraining.corrupted_weight=2"]].concat();
    program.call(&weight).failure(1, "without effect, --fractions has the values");
    // Two at a time find the same, and those that share their layers wait for them.
    let others = work.path().join("others");
    let others = [&search[..], &["--out", others.to_str().unwrap(), "--jobs", "2"]].concat();
    let said = program.call(&others).success();
    assert_eq!(said.out().replace("/others/", "/runs/"), table);
    assert!(!said.err().contains("pre-training"), "{}", said.err());
    let log = work.path().join("others/denoising-ae/search-segments/nu-0-rate-0.01.log");
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("pre-training layer").count(), 1, "{log}");
    program.call(&[&others[..], &["--jobs", "0"]].concat()).failure(1, "--jobs 0");
}

#[test]
fn few_labels_draws_analogies_and_errors_by_labels() {
    let work = tempfile::tempdir().unwrap();
    let program = program("few-labels");
    let runs = work.path().join("runs/few-labels");
    let small = ["--set", "m1.hidden=[16]", "--set", "m2.hidden=[16]", "--set", "m2.latent=3"];
    let records = work.path().join("records");
    fs::create_dir(&records).unwrap();
    for preset in ["supervised", "reconstruction", "denoising", "m1", "m2", "m1-m2", "ladder"] {
        // The tiny network has two hidden layers, and so has the ladder's list of costs.
        let options = [&["--config", preset][..], &small].concat();
        program.train(work.path(), &options).success();
        let record = runs.join(preset).join("record.json");
        fs::copy(record, records.join(preset).with_extension("json")).unwrap();
    }
    for preset in ["m2", "m1-m2"] {
        let run = runs.join(preset);
        program.on_run("analogies", &run, &["--indices", "0,7"]).success();
        assert!(is_picture(&run.join("analogies.png")));
    }
    program.on_run("analogies", &runs.join("m2"), &["--indices", "9999"]).failure(1, "--indices");
    program.on_run("analogies", &runs.join("ladder"), &[]).failure(2, "--config m2");
    program.on_run("reconstruct", &runs.join("supervised"), &[]).failure(2, "no decoder");
    assert!(!runs.join("supervised/reconstructions.png").exists());
    let terms = ["--to", "exported", "--terms", "5"];
    program.on_run("export", &runs.join("m1-m2"), &terms).failure(2, "latents above or below it");
    for command in ["score", "bounds"] {
        program.on_run(command, &runs.join("m1-m2"), &[]).failure(2, "latents above or below it");
        program.on_run(command, &runs.join("ladder"), &[]).failure(2, "no prior of its code");
    }
    // The plane of a code without a prior has no quantiles to decode.
    let plane = ["--config", "ladder", "--name", "plane", "--set", "network.hidden=[16,2]"];
    program.train(work.path(), &[&plane[..], &small].concat()).success();
    assert!(is_picture(&runs.join("plane/latent-map.png")));
    assert!(!runs.join("plane/latent-grid.png").exists());

    let picture = work.path().join("errors.png");
    let (folder, to) = (records.to_str().unwrap(), picture.to_str().unwrap());
    program.call(&["errors", "--records", folder, "--to", to]).success();
    assert!(is_picture(&picture));
    let mut other: serde_json::Value =
        serde_json::from_slice(&fs::read(records.join("ladder.json")).unwrap()).unwrap();
    let beside = records.join("ladder-2.json");
    fs::write(&beside, other.to_string()).unwrap();
    fs::remove_file(&picture).unwrap();
    program
        .call(&["errors", "--records", folder, "--to", to])
        .failure(1, "of the same run, seed 1");
    other["config"]["seed"] = 2.into();
    other["seed"] = 2.into();
    fs::write(&beside, other.to_string()).unwrap();
    program.call(&["errors", "--records", folder, "--to", to]).success();
    // With more labels a line may have other costs, and says so; another model is another line.
    let call = || program.call(&["errors", "--records", folder, "--to", to]).success().err();
    for (costs, says) in [([9.0, 0.0, 0.0, 0.0], true), ([0.0, 0.0, 0.0, 9.0], false)] {
        let mut more = other.clone();
        more["config"]["labels"]["count"] = 40.into();
        more["config"]["ladder"]["costs"] = costs.to_vec().into();
        fs::write(&beside, more.to_string()).unwrap();
        fs::remove_file(&picture).unwrap();
        assert_eq!(call().contains("denoised input: one line, though"), says);
    }
    other["config"]["network"]["noise"] = 0.5.into();
    fs::write(&beside, other.to_string()).unwrap();
    fs::remove_file(&picture).unwrap();
    program
        .call(&["errors", "--records", folder, "--to", to])
        .failure(1, "other settings of one model with as many labels");
    assert!(!picture.exists());
    fs::remove_file(&beside).unwrap();
    program.call(&["errors", "--records", "no-such-folder"]).failure(1, "no-such-folder");
    fs::write(records.join("other.json"), "{}").unwrap();
    program.call(&["errors", "--records", folder]).failure(1, "is not a record");
}

#[test]
fn few_labels_refuses_labels_that_do_not_fit() {
    let work = tempfile::tempdir().unwrap();
    let program = program("few-labels");
    for (option, said) in [
        ("labels.count=9", "[labels] count = 9: at least one label for each of 10 classes"),
        ("labels.count=1000000", "training images"),
        (
            "labels.classes=5",
            "labels.classes = 5: the data have 10 classes, --set labels.classes=10",
        ),
        ("train.keep=best", "keep = \"last\""),
    ] {
        program.train(work.path(), &["--set", option]).failure(1, said);
    }
    assert!(!work.path().join("runs").exists());
}

#[test]
fn cvae_completes_and_rewrites() {
    let work = tempfile::tempdir().unwrap();
    let program = program("cvae");
    program.train(work.path(), &[]).success();
    let by_label = work.path().join("runs/cvae/quick");
    program.train(work.path(), &["--config", "paper", "--set", "predictor.epochs=1"]).success();
    let by_quadrant = work.path().join("runs/cvae/paper");
    program.on_run("complete", &by_quadrant, &["--indices", "0,7", "--count", "3"]).success();
    assert!(is_picture(&by_quadrant.join("completions.png")));
    program.on_run("complete", &by_label, &[]).failure(2, "needs quadrants");
    program.on_run("complete", &by_quadrant, &["--count", "0"]).failure(1, "--count 0");
    program.on_run("complete", &by_quadrant, &["--indices", "9999"]).failure(1, "--indices 9999");

    let runs = work.path().join("runs");
    let style = ["--indices", "0,1", "--measure", "40", "--out", runs.to_str().unwrap()];
    let said = program.on_run("style", &by_label, &style).success();
    assert!(is_picture(&by_label.join("style.png")));
    assert!(said.out().contains("style_labels"), "{}", said.out());
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(by_label.join("record.json")).unwrap()).unwrap();
    assert!(record["metrics"]["style_slant"]["value"].is_f64());
    assert!(record["metrics"]["style_labels"]["value"].is_f64());
    let evaluated = program.on_run("evaluate", &by_label, &[]).success().err();
    assert!(evaluated.contains("no longer in the record"), "{evaluated}");
    assert!(evaluated.contains("style_labels"), "{evaluated}");
    // The classifier is fitted once.
    let again = program.on_run("style", &by_label, &style).success();
    assert_eq!(again.out(), said.out());
    assert!(!again.err().contains("fitting"), "{}", again.err());
    // A damaged one is named, and made again from its checkpoint.
    let weights = runs.join("classifier/segments/weights.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let repaired = program.on_run("style", &by_label, &style).success();
    assert!(repaired.err().contains("weights.safetensors is not as it was written"));
    assert_eq!(repaired.out(), said.out());
    assert!(fs::read(&weights).unwrap() == whole);
    program.on_run("style", &by_quadrant, &[]).failure(2, "needs classes");
    // Figures are of the run's own test images, whichever are drawn.
    let on = ["--on", "segments", "--measure", "40", "--out", runs.to_str().unwrap()];
    let said = program.on_run("style", &by_label, &on).success();
    assert!(said.out().contains("style_labels"), "{}", said.out());
    assert!(!said.err().contains("other data"), "{}", said.err());

    let baseline = ["--config", "paper", "--name", "nn", "--set", "objective.kind=nn"];
    let baseline: Vec<&str> =
        baseline.iter().copied().chain(["--set", "predictor.epochs=1"]).collect();
    program.train(work.path(), &baseline).success();
    let run = work.path().join("runs/cvae/nn");
    program.on_run("sample", &run, &[]).failure(2, "has no code");
    let weights = run.join("weights.safetensors");
    let wrong = program.import(work.path(), &weights, &["--name", "wrong"]);
    wrong.failure(1, "does not fit this architecture");
    program
        .on_run("sample", &work.path().join("runs/cvae/nn/checkpoints"), &[])
        .failure(1, "holds no run");
}

#[test]
fn fair_repr_draws_a_frontier_audits_and_transfers() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let program = program("fair-repr");
    let frontier = |extra: &[&str]| {
        let tiny = program.training(work.path(), extra);
        let tiny = tiny.iter().skip(1).map(String::as_str);
        program.call(&["frontier"].into_iter().chain(tiny).collect::<Vec<_>>())
    };
    let small =
        ["--splits=2", "--a-y=1", "--a-z=0,5", "--mmd=0,10", "--fairness=10", "--bound=0.05"];
    let table = frontier(&small).success().out();
    for name in [
        "lfr-ay1-az5",
        "vfae-mmd",
        "regularised-10",
        "reduction-without-s-0.05",
        "raw",
        "pca",
        "least discrimination",
        "above the reduction's at the same discrimination, drawn decisions",
    ] {
        assert!(table.contains(name), "{name}: {table}");
    }
    let folder = out.join("fair-repr/frontier-people");
    assert!(is_picture(&folder.join("frontier.png")));
    assert!(is_picture(&folder.join("drawn.png")));
    let to = work.path().join("mine.png");
    let elsewhere = [&small[..], &["--to", to.to_str().unwrap()]].concat();
    frontier(&elsewhere).success();
    assert!(is_picture(&to) && is_picture(&work.path().join("mine-drawn.png")));
    frontier(&elsewhere).failure(1, "mine.png exists already");
    let again = frontier(&small).success();
    assert_eq!(again.out(), table);
    assert!(!again.err().contains("fitting"), "{}", again.err());
    let others = work.path().join("others");
    let others = [&small[..], &["--jobs", "2", "--out", others.to_str().unwrap()]].concat();
    assert_eq!(frontier(&others).success().out().replace("/others/", "/runs/"), table);
    // All of it is drawn again, so that nothing can be chosen.
    let found = folder.join("frontier.json");
    let again = work.path().join("again.png");
    let redraw = |extra: &[&str]| {
        let files = [&found, &again].map(|file| file.to_str().unwrap());
        let own = ["frontier", "--redraw", files[0], "--to", files[1]];
        program.call(&[&own[..], extra].concat())
    };
    for selects in
        ["--methods=raw", "--bound=0.05", "--splits=2", "--data=german", "--jobs=2", "--out=x"]
    {
        redraw(&[selects]).failure(2, "cannot be used with");
    }
    assert!(!again.exists());
    redraw(&[]).success();
    assert!(is_picture(&again) && is_picture(&work.path().join("again-drawn.png")));
    frontier(&["--splits", "0"]).failure(1, "--splits 0");
    frontier(&["--model", "pca"]).failure(1, "--model pca: without effect, --methods has");
    for (set, option) in [
        ("seed=3", "--splits"),
        ("data.split_seed=3", "--splits"),
        ("model.kind=pca", "--methods"),
        ("lfr.a_z=3", "--a-z"),
        ("logistic.fairness=3", "--fairness"),
    ] {
        let said = format!("--set {set}: without effect, {option} has the values");
        frontier(&["--set", set]).failure(1, &said);
    }
    frontier(&["--methods", "raw", "--a-z", "3"]).failure(1, "--a-z: without effect, lfr is not");
    frontier(&["--methods", "raw", "--bound", "0.2"]).failure(1, "--bound: without effect");
    frontier(&["--methods", "reduction", "--bound=-1"]).failure(1, "reduction.bound = -1");
    frontier(&["--methods", "magic"]).failure(1, "one of raw, without-s");
    frontier(&["--methods", "regularised", "--fairness=-1"]).failure(1, "logistic.fairness = -1");

    let few = "people of the smaller group on average";
    let small = ["--model", "vfae", "--name", "small", "--batch-size", "8"];
    let said = program.train(work.path(), &small).success().err();
    assert!(said.contains("train.batch_size = 8: a batch has 3.") && said.contains(few), "{said}");
    let said = program.train(work.path(), &["--model", "vfae", "--name", "vfae"]).success().err();
    assert!(!said.contains(few), "{said}");
    let run = out.join("fair-repr/vfae");
    let said = program.on_run("transfer", &run, &[]).success().out();
    assert!(said.contains("talent above 0") && said.contains("code"), "{said}");
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    for metric in [
        "transfer_code_accuracy",
        "transfer_drawn_code_accuracy",
        "drawn_sensitive_forest",
        "equalised_odds_gap",
    ] {
        assert!(record["metrics"][metric]["value"].is_f64(), "{metric}");
    }
    // The code of this model is the rows without s.
    program.train(work.path(), &["--model", "without-s", "--name", "plain"]).success();
    let plain = out.join("fair-repr/plain");
    program.on_run("transfer", &plain, &[]).success();
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(plain.join("record.json")).unwrap()).unwrap();
    for metric in ["accuracy", "discrimination", "majority"] {
        let of = |from: &str| {
            let value = &record["metrics"][format!("transfer_{from}_{metric}")]["value"];
            value.as_f64().unwrap()
        };
        assert!((of("code") - of("without_s")).abs() < 1e-9, "{metric}");
        assert!(metric != "discrimination" || of("code") != of("raw"), "{metric}");
    }

    // So large a weight leaves rounding of the gap alone: no search comes to an end there.
    let steep = ["--model", "regularised", "--name", "steep", "--set", "logistic.fairness=1e15"];
    let said = program.train(work.path(), &steep).success().err();
    let told = "regularised logistic regression on 1000 examples: not converged, gradient norm ";
    assert_eq!(said.matches(told).count(), 1, "{said}");

    let file = work.path().join("predictions.csv");
    let rows = "p,truth,sex,x\n0.9,1,m,0\n0.6,0,m,1\n0.2,0,m,2\n0.8,1,f,0\n0.4,1,f,1\n0.1,0,f,2\n";
    fs::write(&file, rows).unwrap();
    let audit = |extra: &[&str]| {
        let columns = ["--prediction", "p", "--target", "truth", "--sensitive", "sex"];
        let all = ["audit", file.to_str().unwrap()].into_iter().chain(columns);
        program.call(&all.chain(extra.iter().copied()).collect::<Vec<_>>())
    };
    let said = audit(&["--member", "m", "--features", "x", "--neighbours", "1", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&said.success().out()).unwrap();
    let is = |name: &str, value: f64| {
        assert!((found[name].as_f64().unwrap() - value).abs() < 1e-9, "{name}: {found}");
    };
    is("accuracy", 4.0 / 6.0);
    is("discrimination", 0.4 / 3.0);
    is("equal_opportunity_gap", 0.5);
    is("consistency_with_self", 1.0);
    let said = audit(&["--member", "m", "--features", "x", "--neighbours", "1"]).success().out();
    assert_eq!(said.matches("nearest|").count(), 2, "{said}");
    assert_eq!(said.matches("in the units of the file").count(), 2, "{said}");
    audit(&[]).failure(1, "choose with --member one of: f, m");
    audit(&["--member", "m", "--target", "turth"])
        .failure(1, "no column 'turth'; there are: p, truth");
    audit(&["--member", "m", "--prediction", "x"]).failure(1, "2 is not a probability");
    fs::write(&file, rows.replace("0.4,1,f", "high,1,f")).unwrap();
    audit(&["--member", "m"]).failure(1, "line 6, column 'p': 'high' is not a number");
    fs::write(&file, rows.replace(",f,", ",m,")).unwrap();
    audit(&["--member", "m"]).failure(1, "everybody has 'm'");
    fs::write(&file, "p,truth,sex,x\n").unwrap();
    audit(&["--member", "m"]).failure(1, "no row below the header");
    fs::write(&file, rows.replacen("sex,x", "sex,p", 1)).unwrap();
    audit(&["--member", "m"]).failure(1, "two columns are called 'p'");
}

#[test]
fn fair_repr_draws_a_frontier_of_a_table_with_fewer_features_than_components() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let program = program("fair-repr");
    let frontier = || {
        let own = ["frontier", "--data", "people", "--splits", "1", "--methods", "raw,pca"];
        program.call(&[&own[..], &["--out", out.to_str().unwrap()]].concat()).success()
    };
    let said = "pca: 8 of 10 components: the training rows vary along no more directions";
    let first = frontier();
    assert_eq!(first.err().matches(said).count(), 1, "{}", first.err());
    // The same command finds its runs.
    assert_eq!(frontier().out(), first.out());
}

#[test]
fn fair_repr_is_asked_by_the_schema_of_its_fit_and_needs_no_target_of_new_people() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let row = |i: usize| {
        let [sex, pay] = [["f", "m"][i % 2], ["low", "high"][i / 2 % 2]];
        format!("{},{sex},{pay}\n", 20 + i * 7 % 45)
    };
    let header = "age,sex,income\n";
    let table = header.to_owned() + &(0..200).map(row).collect::<String>();
    fs::write(path("people.csv"), table).unwrap();
    let schema = r#"
header = true
missing = { mark = ["?", "NA"], drop_rows = true }
target = { column = "income", positive = ["high"], negative = ["low"] }
sensitive = { column = "sex", values = ["f"] }
columns = [
    { name = "age", kind = "number" },
    { name = "sex", kind = "category" },
    { name = "income", kind = "category" },
]
"#;
    fs::write(path("people.toml"), schema).unwrap();
    let program = program("fair-repr");
    let data = path("people.csv");
    program.train(work.path(), &["--data", data.to_str().unwrap(), "--model", "raw"]).success();
    let run = path("runs/fair-repr/quick");
    let ask = |command: &str, name: &str, rows: &str, extra: &[&str]| {
        let on = path(name);
        fs::write(&on, header.to_owned() + rows).unwrap();
        program.on_run(command, &run, &[&["--on", on.to_str().unwrap()][..], extra].concat())
    };
    let predicted = |name: &str, rows: &str| {
        let to = path("predictions.csv");
        let _ = fs::remove_file(&to);
        let said = ask("predict", name, rows, &["--to", to.to_str().unwrap()]).success().err();
        (fs::read_to_string(&to).unwrap(), said)
    };
    let has = |found: &str, header: &str, lines: usize| {
        assert_eq!(found.lines().next(), Some(header));
        assert_eq!(found.lines().count(), lines, "{found}");
    };
    // None is known: the column is there and says nothing, in three ways.
    let (found, said) = predicted("unknown.csv", "30,f,\n40,m,?\n50,m,NA\n");
    has(&found, "row,prediction,sensitive", 4);
    assert!(!said.contains("left out") && !said.contains("have no value"), "{said}");
    // What a model reads has to be there.
    let (found, said) = predicted("known.csv", "30,f,high\nNA,m,low\n?,m,low\n");
    has(&found, "row,prediction,target,sensitive", 2);
    assert!(said.contains("2 of 3 rows are left out"), "{said}");
    // Of some it is known.
    let some = "30,f,high\n40,m,\n";
    let (found, said) = predicted("some.csv", some);
    has(&found, "row,prediction,sensitive", 3);
    let lacking = "1 of 2 rows have no value in column 'income', the first in some.csv:3";
    assert!(said.contains(lacking), "{said}");
    ask("evaluate", "some.csv", some, &[]).failure(1, lacking);

    for (from, to, said) in [
        (
            r#"positive = ["high"], negative = ["low"]"#,
            r#"positive = ["low"], negative = ["high"]"#,
            "people.toml: target is income = low, against high, and the model was fitted to income = high, \
             against low",
        ),
        (
            r#"values = ["f"]"#,
            r#"values = ["m"]"#,
            "people.toml: sensitive is sex = m, and the model was fitted to sex = f",
        ),
    ] {
        fs::write(path("people.toml"), schema.replace(from, to)).unwrap();
        ask("predict", "new.csv", "30,f,high\n40,m,low\n", &[]).failure(1, said);
        program.on_run("evaluate", &run, &["--other-data"]).failure(1, said);
    }
    fs::write(path("people.toml"), schema).unwrap();
    program.on_run("evaluate", &run, &[]).success();
}

/// Options that make a run on dSprites tiny.
const TINY_SPRITES: [&str; 22] = [
    "--data",
    "dsprites",
    "--latent",
    "3",
    "--set",
    "data.train_examples=600",
    "--set",
    "model.encoder=[12]",
    "--set",
    "model.decoder=[12]",
    "--set",
    "model.network=dense",
    "--set",
    "model.channels=[]",
    "--set",
    "evaluate={nll_samples=5,nll_images=5,probe_labels=[30],probe_all=false,disentanglement={\
     train_points=100,test_points=100,batch=4,variance_points=100,mig_points=200,\
     posterior_points=200,trees=2,repeats=2}}",
    "--set",
    "train.checkpoint_every=1",
    "--threads",
    "2",
    "--set",
    "train.batch_size=50",
];

#[test]
fn beta_vae_sweeps_goes_on_after_a_kill_and_writes_codes() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let program = program("beta-vae");
    let sweep = |name: &str, extra: &[&str]| {
        let own = ["sweep", "--name", name, "--out", out.to_str().unwrap(), "--epochs", "3"];
        own.into_iter()
            .chain(TINY_SPRITES)
            .chain(extra.iter().copied())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let call = |arguments: &str| program.call(&arguments.split('\n').collect::<Vec<_>>());
    let all = ["--betas", "1,4", "--tc", "4", "--factor", "10", "--discriminator", "8,8"];
    let baselines = ["--baselines", "untrained,pixels", "--seeds", "2"];
    let all = [&all[..], &["--capacities", "5"], &baselines].concat();
    let straight = call(&sweep("straight", &all)).success();
    for name in ["beta-1", "beta-4", "capacity-5", "tc-4", "factor-10", "untrained", "pixels"] {
        assert!(straight.out().contains(name), "{name}: {}", straight.out());
    }
    let folder = out.join("beta-vae/straight");
    assert!(is_picture(&folder.join("metrics-beta-vae.png")));
    assert!(is_picture(&folder.join("rate-distortion.png")));
    let record = |folder: &std::path::Path, run: &str| -> serde_json::Value {
        let text = fs::read(folder.join(run).join("record.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let found = record(&folder, "seed-2/factor-10");
    for metric in
        ["z_diff_25", "factor_vae_score", "mig", "mig_posterior", "sap", "dci_completeness"]
    {
        let value = found["metrics"][metric]["value"].as_f64();
        assert!(value.is_some_and(|value| (0.0..=1.0).contains(&value)), "{metric}: {value:?}");
    }
    assert!(record(&folder, "seed-2/pixels")["metrics"]["z_diff_25"]["value"].is_f64());

    // Another, killed while its second run is being fitted, and started again.
    let arguments = sweep("killed", &all);
    let mut child = program
        .command(&arguments.split('\n').collect::<Vec<_>>())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let killed = out.join("beta-vae/killed");
    let second = killed.join("seed-2/beta-4/config.toml");
    await_of(&mut child, || second.is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    let again = call(&sweep("killed", &[&all[..], &["--jobs", "2"]].concat())).success();
    // The first run is not fitted again.
    let started = |run: &str| again.err().contains(&format!("{run}, seed 2: started"));
    assert!(!started("beta-1") && started("beta-4") && started("tc-4"), "{}", again.err());
    for run in ["seed-2/beta-1", "seed-2/beta-4", "seed-2/tc-4"] {
        let [straight, killed] = [&folder, &killed].map(|folder| record(folder, run));
        assert_eq!(straight["metrics"], killed["metrics"], "{run}");
        assert_eq!(straight["training"], killed["training"], "{run}");
    }
    let models = "--betas, --capacities, --tc, --factor or --baselines";
    for (set, option) in [("objective.beta=3", "--tc"), ("model.kind=pca", models)] {
        let said = format!("--set {set}: without effect, {option} has the values");
        call(&sweep("straight", &["--tc", "4", "--set", set])).failure(1, &said);
    }
    let dropped = ["--betas", "4", "--set", "objective.alpha=0.5"];
    call(&sweep("straight", &dropped)).failure(1, "objective.alpha=0.5: without effect");
    call(&sweep("../../elsewhere", &all)).failure(1, "--name \"../../elsewhere\": use letters");
    call(&sweep("straight", &["--seed", "7"])).failure(1, "--seed 7: without effect, --seeds has");
    let large = ["--seeds", "1,18446744073709551615"];
    call(&sweep("straight", &large)).failure(1, "--seeds 18446744073709551615: at most");
    call(&sweep("straight", &["--betas", "-1"])).failure(1, "objective.beta = -1");
    let below = ["--capacities", "-1"];
    call(&sweep("straight", &below)).failure(1, "objective.capacity = -1");
    call(&sweep("straight", &["--baselines", "magic"])).failure(1, "one of untrained, pca, pixels");

    let run = folder.join("seed-2/beta-4");
    let codes = work.path().join("codes.safetensors");
    program.on_run("codes", &run, &["--to", codes.to_str().unwrap()]).success();
    let written = fs::read(&codes).unwrap();
    assert!(written.len() > 737_280 * 3 * 2 * 4, "{}", written.len());
    let header = u64::from_le_bytes(written[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&written[8..8 + header]).unwrap();
    let factors = r#"[["shape",3],["scale",6],["orientation",40],["x",32],["y",32]]"#;
    assert_eq!(header["__metadata__"]["factors"], factors);
    program
        .on_run("codes", &run, &["--to", codes.to_str().unwrap()])
        .failure(1, "codes.safetensors exists already");
    // Nothing is fitted again for other pictures, and nothing is written over.
    let to = work.path().join("mine.png");
    let elsewhere = [&all[..], &["--to", to.to_str().unwrap()]].concat();
    call(&sweep("straight", &elsewhere)).success();
    for name in ["mine.png", "mine-metrics-beta-vae.png"] {
        assert!(is_picture(&work.path().join(name)), "{name}");
    }
    fs::remove_file(&to).unwrap();
    call(&sweep("straight", &elsewhere)).failure(1, "mine-metrics-beta-vae.png exists already");
    assert!(!to.exists());
    // What a sweep from before a score found is drawn without it, and this is said.
    let text = fs::read(folder.join("sweep.json")).unwrap();
    let mut found: serde_json::Value = serde_json::from_slice(&text).unwrap();
    for metrics in found["candidates"].as_object_mut().unwrap().values_mut() {
        metrics.as_object_mut().unwrap().remove("z_diff_25").unwrap();
    }
    let (old, again) = (work.path().join("old.json"), work.path().join("again.png"));
    fs::write(&old, found.to_string()).unwrap();
    let redraw = ["--redraw", old.to_str().unwrap(), "--to", again.to_str().unwrap()];
    let said = call(&sweep("straight", &[&all[..], &redraw].concat())).success().err();
    assert!(
        said.contains(
            "old.json has not every value of z_diff_25: what is missing is left out of the pictures"
        ),
        "{said}"
    );
    assert!(is_picture(&again));
    program.on_run("traverse", &run, &["--steps", "5"]).success();
    let gif = fs::read(run.join("traversal.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a") && gif.len() > 1000);
    program
        .on_run("traverse", &folder.join("seed-2/pixels"), &[])
        .failure(2, "the code is the pixels");
}

#[test]
fn vae_rnn_generates_completes_and_shows_surprise() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs/vae-rnn");
    let program = program("vae-rnn");
    // Images, as sequences of their rows.
    program.train(work.path(), &["--name", "rows"]).success();
    let run = out.join("rows");
    program.on_run("generate", &run, &["--count", "7", "--temperature", "0.5"]).success();
    program.on_run("complete", &run, &["--indices", "0,1", "--count", "2"]).success();
    program.on_run("surprise", &run, &["--indices", "3,4"]).success();
    for picture in ["generated.png", "completed.png", "surprise.png"] {
        assert!(is_picture(&run.join(picture)), "{picture}");
    }
    let to = work.path().join("mine.png");
    let options = ["--split", "test", "--indices", "0", "--to", to.to_str().unwrap()];
    for command in ["complete", "surprise"] {
        program.on_run(command, &run, &options).success();
        assert!(is_picture(&to), "{command}");
        program.on_run(command, &run, &options).failure(1, "mine.png exists already");
        fs::remove_file(&to).unwrap();
    }
    program.on_run("complete", &run, &["--given", "1.0"]).failure(1, "--given 1");
    program.on_run("generate", &run, &["--temperature", "0"]).failure(1, "--temperature 0");
    program.on_run("generate", &run, &["--steps", "5"]).failure(1, "--steps 5: an image");
    program.on_run("generate", &run, &["--steps", "0"]).failure(1, "--steps 0: 1 to 10000");
    program.on_run("generate", &run, &["--count", "1001"]).failure(1, "--count 1001: 1 to 1000");
    program.on_run("surprise", &run, &["--indices", "99999"]).failure(1, "--split train has");

    // Chords: a MIDI file opens with its header.
    for kind in ["vrnn", "vrnn-i", "rnn"] {
        let options =
            ["--data", "tunes", "--model", kind, "--name", kind, "--set", "model.cell=lstm"];
        program
            .train(work.path(), &[&options[..], &["--set", "data.train_examples=60"]].concat())
            .success();
        let run = out.join(kind);
        program.on_run("generate", &run, &["--count", "2", "--steps", "12"]).success();
        let many =
            ["generate", "--run", run.to_str().unwrap(), "--count", "100", "--steps", "1000"];
        let refused = program.command(&many).env("AE_MEMORY_GB", "0.01").output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("--count 100 with --steps 1000 needs"), "{kind}: {said}");
        program.on_run("complete", &run, &["--indices", "0"]).success();
        for file in ["generated-2.mid", "completed-1.mid"] {
            assert!(fs::read(run.join(file)).unwrap().starts_with(b"MThd"), "{kind} {file}");
        }
        for picture in ["generated.png", "completed.png", "surprise.png"] {
            assert!(is_picture(&run.join(picture)), "{kind} {picture}");
        }
    }
}

#[test]
fn vae_rnn_learns_drawings_and_text_of_the_users() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs/vae-rnn");
    let program = program("vae-rnn");
    let drawings =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/sequences/src/fixtures/default.npz");
    let file = format!("data.pen.file={drawings}");
    let pen = ["--data", "pen", "--name", "pen", "--set", &file];
    let mixture = ["--set", "model.output={kind=\"pen\",components=3}"];
    let whole = ["--set", "data.train_examples=1"];
    program.train(work.path(), &[&pen[..], &mixture, &whole].concat()).success();
    let drawing = fs::read_to_string(out.join("pen/generated-1.svg")).unwrap();
    assert!(drawing.starts_with("<svg"), "{drawing}");
    program.train(work.path(), &pen).failure(1, "needs \"pen\"");

    let poem = work.path().join("poem.txt");
    fs::write(&poem, "so much depends\nupon\na red wheel\nbarrow\n".repeat(20)).unwrap();
    let file = format!("data.text.file={}", poem.display());
    let symbols =
        ["--set", "model.output={kind=\"categorical\"}", "--set", "data.train_examples=20"];
    for level in ["characters", "words"] {
        let level_of = format!("data.text.level={level}");
        let text = ["--data", "text", "--name", level, "--set", &file, "--set", &level_of];
        program.train(work.path(), &[&text[..], &symbols].concat()).success();
        let run = out.join(level);
        assert!(fs::read_to_string(run.join("generated.txt")).unwrap().lines().count() >= 1);
        let record = fs::read_to_string(run.join("record.json")).unwrap();
        assert!(record.contains("\"perplexity\""));
    }
    fs::write(&poem, b"so much \xff depends\n".repeat(40)).unwrap();
    let text = ["--data", "text", "--name", "latin", "--set", &file];
    program.train(work.path(), &[&text[..], &symbols].concat()).failure(1, "line 1 is not UTF-8");
    program
        .train(work.path(), &[&["--data", "text"][..], &symbols].concat())
        .failure(1, "needs a text, a sequence a line: --data FILE.txt");
    program
        .train(work.path(), &["--set", "data.text.file=x"])
        .failure(1, "data.text: only for name = \"text\"");
}
