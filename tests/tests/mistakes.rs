//! What users get wrong: each mistake has an error that names it and says what to do.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::fs;

use programs::{program, programs};

#[test]
fn wrong_options_are_named() {
    let work = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["--config", "nosuch"],
            1,
            "neither a file nor one of quick, paper, burda, burda-long, burda-stages, iwae, colour",
        ),
        (
            &["--set", "train.bach_size=3"],
            1,
            "--set train.bach_size=3: train.bach_size: no such key; did you mean batch_size?",
        ),
        (&["--set", "train.batch_size=many"], 1, "batch_size"),
        (&["--set", "train"], 1, "KEY=VALUE"),
        (&["--set", "seed.x=1"], 1, "not a section"),
        (&["--latent", "0"], 1, "model.latent = 0: a whole number, 1 or more"),
        (&["--set", "objective.samples=0"], 1, "objective.samples = 0"),
        (&["--set", "data.binarise=none"], 1, "likelihood = \"gaussian\""),
        (&["--set", "train.schedule.rate=-1.0"], 1, "train.schedule.rate = -1"),
        (&["--set", "train.optimiser.beta1=1.5"], 1, "train.optimiser.beta1 = 1.5: a number"),
        (&["--set", "data.train_examples=0"], 1, "train_examples"),
        (
            &["--set", "train.epoch_examples=99999"],
            1,
            "[train] epoch_examples = 99999: there are 2000 training examples",
        ),
        (&["--snapshot-epochs", "0"], 1, "--snapshot-epochs"),
        (&["--epochs", "0"], 1, "train.epochs = 0: a whole number, 1 or more"),
        (&["--name", "../escape"], 1, "--name"),
        (&["--threads", "0"], 1, "--threads"),
        (&["--device", "tpu"], 2, "flex, ndarray, cuda[:N] or wgpu"),
        (&["--device", "cuda"], 1, "--features cuda"),
        (&["--device", "wgpu"], 1, "--features wgpu"),
        (&["--data", "cifra"], 2, "possible values"),
        (&["--resume"], 1, "train one first, or name another folder with --name or --out"),
        (&["--config", "quik"], 1, "did you mean quick?"),
        (&["--model", "foo"], 1, "--model: vae has no such option"),
        (&["--epochs", "18446744073709551615"], 1, "--epochs 18446744073709551615: at most"),
        (&["--latent", "18446744073709551615"], 1, "--latent 18446744073709551615: at most"),
        (&["--seed", "18446744073709551615"], 1, "--seed 18446744073709551615: at most"),
        (&["--set", "train.epochs=18446744073709551615"], 1, "=18446744073709551615: at most"),
        (
            &["--set", "train.schedule.rate=inf"],
            1,
            "rate = inf: a number of single precision above 0",
        ),
        (
            &["--set", "train.schedule.rate=nan"],
            1,
            "rate = NaN: a number of single precision above 0",
        ),
        (
            &["--set", "train.schedule.rate=-1"],
            1,
            "--set train.schedule.rate=-1: train.schedule.rate = -1.0: a number of single precision above 0",
        ),
        (
            &["--set", "train.schedule.rate=\"0.001\""],
            1,
            "train.schedule.rate = \"0.001\": a number belongs",
        ),
        (&["--set", "data.text.file=\"C:\\Users\\me\\a.txt\""], 1, "must be in single quotes"),
        (&["--data", "fashon-mnist"], 2, "fashion-mnist"),
        (&["--threads", "100000000"], 1, "--threads 100000000: 1 to"),
    ];
    for (options, code, message) in cases {
        program("vae").train(work.path(), options).failure(*code, message);
        assert!(!work.path().join("runs").exists(), "{options:?} left something behind");
    }
    let cases: &[(&[&str], &str)] = &[
        (
            &["--config", "paper", "--set", "conditioning.observed=5"],
            "conditioning.observed = 5: a whole number from 1 to 3",
        ),
        (&["--set", "conditioning.classes=1"], "conditioning.classes = 1"),
        (&["--config", "paper", "--set", "data.binarise=none"], "grey_targets"),
        (&["--config", "pyro", "--set", "data.binarise=static"], "grey_targets"),
        (&["--set", "objective.kind=gsnn"], "prior = \"conditional\""),
        (&["--set", "objective={kind=\"hybrid\",alpha=2.0}"], "objective.alpha = 2"),
        (&["--config", "paper", "--set", "predictor.batch_size=0"], "predictor.batch_size = 0"),
    ];
    for (options, message) in cases {
        program("cvae").train(work.path(), options).failure(1, message);
    }
    let cases: &[(&[&str], &str)] = &[
        (
            &["--set", "pretraining.corruption.fraction=1.5"],
            "pretraining.corruption.fraction = 1.5: a number from 0 to 1",
        ),
        (&["--set", "pretraining.corrupted_weight=-0.1"], "pretraining.corrupted_weight = -0.1"),
        (&["--set", "data.binarise=dynamic"], "a corruption"),
        (&["--set", "model.classes=1"], "model.classes = 1"),
        (&["--data", "mnist-bg-img"], "mnist_background_images_train.amat"),
    ];
    for (options, message) in cases {
        program("denoising-ae").train(work.path(), options).failure(1, message);
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--set", "data.csv.files=[]"], "data.csv: only for name = \"csv\", not for people"),
        (&["--model", "magic"], "--model magic: model.kind = \"magic\" is none of "),
        (&["--set", "lfr.a_z=-1.0"], "lfr.a_z = -1"),
        (&["--set", "vfae.labelled=0.0"], "vfae.labelled = 0"),
        (&["--set", "data.binarise=dynamic"], "a table has no pixels"),
        (&["--data", "csv"], "needs a table, and its schema beside it: --data FILE.csv"),
    ];
    for (options, message) in cases {
        program("fair-repr").train(work.path(), options).failure(1, message);
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--set", "objective.beta=-1.0"], "objective.beta = -1"),
        (&["--set", "objective={kind=\"tc\",beta=-2.0}"], "objective.beta = -2"),
        (
            &["--set", "objective={kind=\"factor\",gamma=1.0,discriminator=[]}"],
            "[objective] discriminator",
        ),
        (&["--set", "data.binarise=none"], "a Bernoulli is not a probability"),
        (&["--model", "magic"], "--model magic: model.kind = \"magic\" is none of "),
        (
            &["--set", "model.network=convolutional", "--set", "model.channels=[4,4,4]"],
            "28 x 28 pixels cannot be halved 3 times",
        ),
        (&["--set", "model.channels=[4]"], "channels are for network = \"convolutional\""),
        (&["--set", "data.distinct_orientations=true"], "only for name = \"dsprites\""),
        (&["--set", "evaluate.disentanglement.batch=1"], "evaluate.disentanglement.batch = 1"),
    ];
    for (options, message) in cases {
        program("beta-vae").train(work.path(), options).failure(1, message);
    }
    for (paper, name, message) in [
        ("vae", "fashon-mnist", "did you mean fashion-mnist?"),
        ("vae", "tunes", "vae models images"),
        ("fair-repr", "mnist", "fair-repr models tables"),
        ("vae-rnn", "people", "vae-rnn models sequences"),
    ] {
        let (out, name) = (work.path().join("runs"), format!("data.name={name}"));
        let options = ["train", "--out", out.to_str().unwrap(), "--set", &name];
        program(paper).call(&options).failure(1, message);
    }
    let empty = work.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let options = ["--config", "jsb", "--data", empty.to_str().unwrap()];
    program("vae-rnn").train(work.path(), &options).failure(1, "empty: the folder is empty");
    program("vae").train(work.path(), &["--data", "people"]).failure(2, "possible values: mnist");
    program("fair-repr").train(work.path(), &["--data", "mnist"]).failure(2, "values: adult");
    let cases: &[(&[&str], &str)] = &[
        (&["--set", "model.output={kind=\"gaussian\"}"], "needs \"bernoulli\""),
        (&["--set", "objective.truncate=0"], "truncate = 0"),
        (&["--set", "objective.drop_inputs=1.0"], "drop_inputs = 1"),
        (&["--latent", "0"], "latent = 0"),
        (
            &["--data", "pen", "--set", "model.output={kind=\"pen\",components=2}"],
            "--data FILE.npz",
        ),
    ];
    for (options, message) in cases {
        program("vae-rnn").train(work.path(), options).failure(1, message);
    }
    assert!(!work.path().join("runs").exists(), "something was left behind");
    program("pca").train(work.path(), &["--epochs", "3"]).failure(1, "a closed form");
    program("pca").train(work.path(), &["--latent", "785"]).failure(1, "no more components");
}

#[test]
fn a_table_with_a_mistake_is_named_with_its_line_and_column() {
    let work = tempfile::tempdir().unwrap();
    let [schema, table] = ["people.toml", "people.csv"].map(|name| work.path().join(name));
    let written = r#"
header = true
target = { column = "hired", positive = ["yes"], negative = ["no"] }
sensitive = { column = "sex", values = ["f"] }
columns = [
    { name = "age", kind = "number" },
    { name = "town", kind = "category", categories = ["north", "south"] },
    { name = "sex", kind = "category" },
    { name = "hired", kind = "category" },
]
"#;
    fs::write(&schema, written).unwrap();
    let row = |i: usize| {
        let [town, sex, hired] =
            [["north", "south"][i % 2], ["m", "f"][i / 2 % 2], ["no", "yes"][i / 4 % 2]];
        format!("{},{town},{sex},{hired}\n", 20 + i)
    };
    let rows = "age,town,sex,hired\n".to_owned() + &(0..80).map(row).collect::<String>();
    let csv = format!(
        "data.csv={{schema={:?},files=[{:?}]}}",
        schema.to_str().unwrap(),
        table.to_str().unwrap()
    );
    let train = |rows: &str, extra: &[&str]| {
        fs::write(&table, rows).unwrap();
        let options: Vec<&str> =
            ["--data", "csv", "--set", &csv].into_iter().chain(extra.iter().copied()).collect();
        program("fair-repr").train(work.path(), &options)
    };
    for (rows, message) in [
        (
            rows.replace("23,south", "old,south"),
            "people.csv, line 5, column 'age': 'old' is not a number",
        ),
        (
            rows.replace("23,south", "old,south").replace('\n', "\r\n"),
            "people.csv, line 5, column 'age': 'old' is not a number",
        ),
        (rows.replace("23,south", "1e308,south"), "column 'age': 1e308 cannot be standardised"),
        (rows.replace("23,south", "23,east"), "line 5, column 'town': 'east' is none of"),
        (rows.replace("age,town", "years,town"), "no column 'age' in the header: years, town"),
        (rows.replace(",f,", ",m,"), "nobody of 80 rows is in the group 'sex'"),
        (rows.replace(",yes", ",no"), "nobody of 80 rows is in the positive class of 'hired'"),
        ("age,town,sex,hired\n".to_owned(), "no row"),
        ("age,town,sex,hired\n20,north,m,no\n21,south,f,yes\n".to_owned(), "split"),
    ] {
        train(&rows, &[]).failure(1, message);
        assert!(!work.path().join("runs").exists(), "{message}: something was left behind");
    }
    train(&rows, &["--set", "evaluate.probe_labels=[]"]).success();
    fs::write(&schema, written.replace("\"sex\", values", "\"gender\", values")).unwrap();
    train(&rows, &["--force"])
        .failure(1, "people.toml: sensitive.column = 'gender' is not a column");
    fs::remove_file(&schema).unwrap();
    train(&rows, &["--force"]).failure(1, "people.toml: cannot read it");
}

#[test]
fn a_configuration_file_with_a_mistake_is_named_with_its_line() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("mine.toml");
    let name = work.path().join("mein Versuch \u{e4}.toml");
    fs::write(&name, "").unwrap();
    for (file, message) in [
        (
            &name,
            "--config: the file's name, \"mein Versuch \u{e4}\", cannot name the run: add --name",
        ),
        (&work.path().to_owned(), "--config"),
    ] {
        let called = program("vae").train(work.path(), &["--config", file.to_str().unwrap()]);
        called.failure(1, message);
    }
    fs::write(&file, b"seed = 1\n# gr\xf6\xdfer\n").unwrap();
    let called = program("vae").train(work.path(), &["--config", file.to_str().unwrap()]);
    called.failure(1, "mine.toml, line 2 is not UTF-8").failure(1, "save the file as UTF-8");
    for (text, message) in [
        (
            "[trian]\nepochs = 3\n[train.schedule]\nkind = \"constant\"\n",
            "line 1: trian: no such key; did you mean train?",
        ),
        ("seed = 1\nlatent = 3\n", "line 2"),
        ("seed = \n", "line 1"),
        (
            "[data]\nname = \"mnist\"\ncolour = true\n",
            "mine.toml, line 3: data.colour: no such key",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let called = program("vae").train(work.path(), &["--config", file.to_str().unwrap()]);
        called.failure(1, "mine.toml").failure(1, message);
    }
}

#[test]
fn a_run_is_not_overwritten_and_another_papers_run_not_used() {
    let work = tempfile::tempdir().unwrap();
    for program in programs() {
        program.train(work.path(), &[]).success();
        let record = work.path().join("runs").join(&program.name).join("quick/record.json");
        let before = fs::read(&record).unwrap();
        program.train(work.path(), &[]).failure(1, "--force");
        assert_eq!(fs::read(&record).unwrap(), before);
    }
    let run = work.path().join("runs/pca/quick");
    program("vae").on_run("sample", &run, &[]).failure(1, "not a configuration of this paper");
    program("vae")
        .on_run("sample", &work.path().join("nowhere"), &[])
        .failure(1, "train one first, or name another folder with --run");
    let run = work.path().join("runs/vae/quick");
    let weights = run.join("weights.safetensors");
    let called = program("vae").import(work.path(), &weights, &["--name", "quick"]);
    let said = called.failure(1, "a run already: --force replaces it, --name starts another").err();
    assert!(!said.contains("--resume"), "{said}");
    program("vae")
        .on_run("reconstruct", &run, &["--indices", "99999"])
        .failure(1, "--indices 99999");
    for (command, option, value, reason) in [
        ("interpolate", "--steps", "1", "2 to 100"),
        ("traverse", "--steps", "101", "2 to 100"),
        ("traverse", "--latents", "0", "at least 1"),
        ("traverse", "--span", "-1", "a number above 0"),
        ("traverse", "--span", "inf", "a number above 0"),
    ] {
        let said = format!("{option} {value}: {reason}");
        program("vae").on_run(command, &run, &[option, value]).failure(1, &said);
    }
    program("vae")
        .on_run("evaluate", &run, &["--samples", "0"])
        .failure(1, "--samples 0: at least 1");

    // Weights that were cut off are refused, and the run is left as it is.
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    program("vae").on_run("sample", &run, &[]).failure(1, "is not as it was written");
    // Only what leaves the fit so far as it is may change, and nothing is lost by asking.
    for (options, message) in [
        (&["--latent", "5"][..], "cannot change model.latent"),
        (&["--set", "model.hidden=[16,16]"][..], "cannot change model.hidden"),
        (&["--batch-size", "7"][..], "cannot change train.batch_size"),
        (&["--seed", "9"][..], "cannot change seed"),
        #[cfg(feature = "ndarray")]
        (&["--device", "ndarray", "--epochs", "3"][..], "continue with --device flex"),
        #[cfg(not(feature = "ndarray"))]
        (&["--device", "ndarray", "--epochs", "3"][..], "build it with --features ndarray"),
    ] {
        let options: Vec<&str> = ["--resume"].iter().chain(options).copied().collect();
        program("vae").train(work.path(), &options).failure(1, message);
    }
    // A damaged checkpoint is named, and the one before is continued.
    let checkpoint = fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with("best"))
        .max()
        .unwrap();
    fs::write(checkpoint.join("model.mpk"), b"damaged").unwrap();
    let said = program("vae").train(work.path(), &["--resume", "--epochs", "3"]).success().err();
    assert!(said.contains("continuing from the checkpoint before"), "{said}");
}

#[test]
fn a_bad_value_does_not_cost_the_run_it_was_to_replace() {
    let work = tempfile::tempdir().unwrap();
    program("pca").train(work.path(), &[]).success();
    let record = work.path().join("runs/pca/quick/record.json");
    program("pca")
        .train(work.path(), &["--latent", "785", "--force"])
        .failure(1, "no more components");
    assert!(record.is_file());
    program("pca").train(work.path(), &["--resume"]).failure(1, "no checkpoint");
    assert!(record.is_file());
}

#[test]
fn a_term_that_blows_up_is_named_with_the_step_and_the_checkpoint() {
    let work = tempfile::tempdir().unwrap();
    let rate = "train.schedule={kind=\"exponential\",rate=1e30,factor=1.0}";
    let called = program("vae").train(work.path(), &["--set", rate]);
    let called = called.failure(1, "is not finite in epoch 1, step ");
    called.failure(1, "there is no checkpoint yet");
}

#[test]
fn missing_data_say_every_source_and_where_to_put_the_files() {
    let work = tempfile::tempdir().unwrap();
    let cache = work.path().join("cache");
    let out = work.path().join("runs");
    let call = |data_dir: Option<&std::path::Path>| {
        let mut command = program("vae").command(&["train", "--out", out.to_str().unwrap()]);
        command.env("AE_CACHE_DIR", &cache);
        if let Some(folder) = data_dir {
            command.arg("--data-dir").arg(folder);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = call(None);
    assert!(message.contains("cannot get mnist") && message.contains("by hand"), "{message}");
    assert!(message.contains(cache.to_str().unwrap()), "{message}");

    let data = work.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("train-images-idx3-ubyte"), b"not the images").unwrap();
    let message = call(Some(&data));
    assert!(message.contains("train-images-idx3-ubyte: not the published"), "{message}");
    assert!(call(Some(&work.path().join("nowhere"))).contains("no such folder"));
    assert!(!out.exists(), "a run was started without data");
}
